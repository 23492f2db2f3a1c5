import { ConfigError } from "../../../shared/config.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { formatPublicKey, isPair, parseSecrets, type SigningKey } from "../../../shared/signing/secret.ts";

import type { Source } from "./source.ts";

/** FORWARD_SECRET as it was read. A mistake in it stops what it signs, and nothing else. */
export type Forwarding =
  | { state: "ready"; keys: readonly SigningKey[] }
  | { state: "unset" }
  | { state: "faulty"; fault: string };

const NAME = "FORWARD_SECRET";

/** FORWARD_SECRET beside the sources whose secrets it must not be: their holder could replay to us as genuine. */
export function readForwarding(text: string, sources: readonly Source[]): Forwarding {
  if (text.trim() === "") return { state: "unset" };
  try {
    const keys = parseSecrets(NAME, text);
    const own = [...text.split(" "), ...keys.flatMap((key) => formatPublicKey(key) ?? [])].map(bare);
    const shared = sources.find(({ secrets }) => secrets.some((secret) => own.includes(bare(secret))));
    if (shared === undefined) return { state: "ready", keys };
    return {
      state: "faulty",
      fault: `${NAME} is also a secret of the source ${shared.name}; it must be one of its own`,
    };
  } catch (error) {
    return { state: "faulty", fault: error instanceof Error ? error.message : `${NAME} is malformed` };
  }
}

/** What signs. @throws Problem `forward_secret_unset`; ConfigError when the secret is unusable. */
export async function forwardKeys(forwarding: Forwarding): Promise<readonly SigningKey[]> {
  if (forwarding.state === "unset") {
    throw new Problem(
      "forward_secret_unset",
      `Set the secret ${NAME}, \`whsec_\` and base64 of 32 random bytes, and name it in \`required\` of wrangler.receiver.toml.`,
    );
  }
  if (forwarding.state === "faulty") throw new ConfigError(forwarding.fault);
  const { keys } = forwarding;
  const pairs = await Promise.all(keys.map(isPair));
  if (pairs.includes(false)) throw new ConfigError(`${NAME} holds a public key that is not its own`);
  return keys;
}

/** @throws ConfigError when the secret is set and unusable. */
export function checkForwarding(forwarding: Forwarding): void {
  if (forwarding.state === "faulty") throw new ConfigError(forwarding.fault);
}

/** Dashboards show a secret with its prefix or without. */
function bare(secret: string): string {
  return secret.replace(/^whsec_/, "");
}
