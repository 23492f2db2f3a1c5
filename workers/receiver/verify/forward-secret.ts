import { ConfigError } from "../../../shared/config.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { publicKeyOf } from "../../../shared/signing/ed25519.ts";
import { bareSecret, formatPublicKey, isPair, parseSecrets, type SigningKey } from "../../../shared/signing/secret.ts";
import type { Source } from "./source.ts";

/** FORWARD_SECRET, which signs the events that are sent on. A mistake in it stops forwarding, and nothing else. */

/** FORWARD_SECRET as it was read. */
export type ForwardSecret =
  | { state: "ready"; keys: readonly SigningKey[] }
  | { state: "unset" }
  | { state: "faulty"; fault: string };

const VARIABLE = "FORWARD_SECRET";

/**
 * Reads FORWARD_SECRET. A secret of one of the sources is a fault: the target of a forward could send its bytes back as
 * genuine.
 */
export function readForwardSecret(text: string, sources: readonly Source[]): ForwardSecret {
  if (text.trim() === "") return { state: "unset" };
  try {
    const keys = parseSecrets(VARIABLE, text);
    const own = [...text.split(" "), ...keys.flatMap((key) => formatPublicKey(key) ?? [])].map(bareSecret);
    const shared = sources.find(({ secrets }) => secrets.some((secret) => own.includes(bareSecret(secret))));
    if (shared === undefined) return { state: "ready", keys };
    return { state: "faulty", fault: sharedFault(shared) };
  } catch (error) {
    return { state: "faulty", fault: error instanceof Error ? error.message : `${VARIABLE} is malformed` };
  }
}

/** Returns the keys to sign with. @throws Problem `forward_secret_unset`; ConfigError when the secret is unusable. */
export async function forwardKeys(
  secret: ForwardSecret,
  sources: readonly Source[] = [],
): Promise<readonly SigningKey[]> {
  if (secret.state === "unset") {
    throw new Problem(
      "forward_secret_unset",
      `Set the secret ${VARIABLE}, \`whsec_\` and base64 of 32 random bytes, and name it in \`required\` of wrangler.receiver.toml.`,
    );
  }
  if (secret.state === "faulty") throw new ConfigError(secret.fault);
  const { keys } = secret;
  const pairs = await Promise.all(keys.map(isPair));
  if (pairs.includes(false)) throw new ConfigError(`${VARIABLE} holds a public key that is not its own`);
  const derived = await Promise.all(keys.map(derivedPublicKey));
  const shared = sources.find(({ secrets }) => secrets.some((text) => derived.includes(text)));
  if (shared !== undefined) throw new ConfigError(sharedFault(shared));
  return keys;
}

/** @throws ConfigError when the secret is set and unusable. */
export function checkForwardSecret(secret: ForwardSecret): void {
  if (secret.state === "faulty") throw new ConfigError(secret.fault);
}

/** Returns the public key of a private key that was given as its seed alone: it is known only once it is derived. */
async function derivedPublicKey(key: SigningKey): Promise<string | null> {
  return key.version === "v1a" && key.key === null
    ? formatPublicKey({ version: "v1a", key: await publicKeyOf(key.seed) })
    : null;
}

function sharedFault({ name }: Source): string {
  return `${VARIABLE} is also a secret of the source ${name}; it must be one of its own`;
}
