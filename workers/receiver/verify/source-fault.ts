import { ConfigError } from "../../../shared/config.ts";
import { DEFAULT_SOURCE, type Source } from "./source.ts";

/** What keeps a source from verifying anything: a mistake in its table, or a secret that only its scheme can judge. */

/** By source, which is one of a configuration: what was found stays true for as long. */
const checked = new WeakMap<Source, { fault: string | null }>();

/** In the words "<key> <problem>", naming the secret that is unusable and never quoting it; null when all is well. */
export async function faultOf(source: Source): Promise<string | null> {
  if (source.fault !== null) return source.fault;
  const before = checked.get(source);
  if (before !== undefined) return before.fault;
  const fault = await secretFault(source);
  checked.set(source, { fault });
  return fault;
}

/** The same with the source's name, for errors and people. */
export function faultText(name: string, fault: string): string {
  return name === DEFAULT_SOURCE ? `source ${name}: ${fault}` : `SOURCES.${name}: ${fault}`;
}

async function secretFault(source: Source): Promise<string | null> {
  const { name, scheme, secrets, secretNames } = source;
  if (scheme.verification === "unverified") return null;
  if (secrets.length === 0) return `${secretNames.join(", ")} holds no secret`;
  const problems = await Promise.all(secrets.map((secret) => problemOf(source, secret)));
  const index = problems.findIndex((problem) => problem !== null);
  if (index < 0) return null;
  // The default source's secrets stand in one variable.
  const named =
    name === DEFAULT_SOURCE ? `${secretNames[0]} holds one that` : `secrets names ${secretNames[index]}, which`;
  return `${named} cannot be used: ${problems[index]}`;
}

/** What the scheme says of one secret, asked to verify nothing with it. */
async function problemOf({ scheme, url }: Source, secret: string): Promise<string | null> {
  const nothing = { method: "POST", url: url ?? "https://localhost/", headers: new Headers(), body: new Uint8Array() };
  try {
    await scheme.verify(nothing, [secret], 0);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
