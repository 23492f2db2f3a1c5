import { ConfigError } from "../../../shared/config.ts";
import { DEFAULT_SOURCE, type Source } from "./source.ts";

/** Mistakes that keep a source from verifying anything: in its table, or in a secret that only its scheme can judge. */

/** Faults found so far. A source belongs to one configuration, so its fault never changes. */
const checked = new WeakMap<Source, { fault: string | null }>();

/** Returns a source's fault as "<key> <problem>", naming an unusable secret and never quoting it; null for none. */
export async function faultOf(source: Source): Promise<string | null> {
  if (source.fault !== null) return source.fault;
  const before = checked.get(source);
  if (before !== undefined) return before.fault;
  const fault = await secretFault(source);
  checked.set(source, { fault });
  return fault;
}

/** Returns a fault with the name of its source in front, for errors and people. */
export function faultText(name: string, fault: string): string {
  return name === DEFAULT_SOURCE ? `source ${name}: ${fault}` : `SOURCES.${name}: ${fault}`;
}

/** @throws ConfigError naming every source that is configured wrongly, and therefore accepts nothing. */
export async function checkSources(sources: ReadonlyMap<string, Source>): Promise<void> {
  const faults = await Promise.all(
    [...sources.values()].map(async (source) => {
      const fault = await faultOf(source);
      return fault === null ? [] : [faultText(source.name, fault)];
    }),
  );
  if (faults.flat().length > 0) throw new ConfigError(faults.flat().join("; "));
}

async function secretFault(source: Source): Promise<string | null> {
  const { name, scheme, secrets, secretNames } = source;
  if (scheme.verification === "unverified") return null;
  if (secrets.length === 0) return `${secretNames.join(", ")} holds no secret`;
  const problems = await Promise.all(secrets.map((secret) => secretProblem(source, secret)));
  const index = problems.findIndex((problem) => problem !== null);
  if (index < 0) return null;
  // The default source's secrets stand in one variable.
  const named =
    name === DEFAULT_SOURCE ? `${secretNames[0]} holds one that` : `secrets names ${secretNames[index]}, which`;
  return `${named} cannot be used: ${problems[index]}`;
}

/** Returns the scheme's complaint about one secret, by asking it to verify an empty request; null for none. */
async function secretProblem({ scheme, url }: Source, secret: string): Promise<string | null> {
  const nothing = { method: "POST", url: url ?? "https://localhost/", headers: new Headers(), body: new Uint8Array() };
  try {
    await scheme.verify(nothing, [secret], 0);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
