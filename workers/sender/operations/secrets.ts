import { Problem } from "../../../shared/http/problem.ts";
import {
  formatPublicKey,
  generateKeyPair,
  generateSecret,
  isPair,
  parseSigningKey,
} from "../../../shared/signing/secret.ts";
import type { EndpointConfig } from "../model/endpoint.ts";
import type { Signing } from "../model/endpoint-input.ts";

/** Secrets of endpoints: made, checked, shown. */

type SigningVersion = Signing[number];

const random = (bytes: Uint8Array) => {
  crypto.getRandomValues(bytes);
};

export async function generateKey(version: SigningVersion): Promise<string> {
  return version === "v1" ? generateSecret(random) : generateKeyPair(random);
}

export function versionOf(secret: string): SigningVersion {
  return secret.startsWith("whsk_") ? "v1a" : "v1";
}

/**
 * Returns the secrets of a new endpoint: the given one for its version, a new one for each other version it signs with.
 *
 * @throws Problem `invalid_endpoint` when the given one is for a version that `signing` leaves out, or its halves do not
 * belong together
 */
export async function initialKeys(signing: Signing, given: string | undefined): Promise<string[]> {
  if (given !== undefined && !signing.includes(versionOf(given))) {
    throw new Problem("invalid_endpoint", `secret is for ${versionOf(given)}, which signing leaves out.`);
  }
  const parsed = given === undefined ? null : parseSigningKey(given);
  if (parsed?.ok && !(await isPair(parsed.key))) {
    throw new Problem("invalid_endpoint", "secret holds a public key that is not its own.");
  }
  return Promise.all(
    signing.map((version) => (given !== undefined && versionOf(given) === version ? given : generateKey(version))),
  );
}

/** Returns the live secrets, newest first, with their public keys where there are any; `now` in unix ms. */
export function presentSecrets({ secrets }: Pick<EndpointConfig, "secrets">, now: number) {
  const shown = secrets
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
    .map(({ key, expiresAt }) => ({
      ...{ secret: key, version: versionOf(key), publicKey: shownPublicKey(key) },
      expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    }));
  const publicKey = shown.find((entry) => entry.publicKey !== null)?.publicKey ?? null;
  return { secret: shown[0]?.secret ?? null, publicKey, secrets: shown };
}

function shownPublicKey(secret: string): string | null {
  const parsed = parseSigningKey(secret);
  return parsed.ok ? formatPublicKey(parsed.key) : null;
}
