import { Problem } from "../../../shared/http/problem.ts";
import {
  completeSecret,
  formatPublicKey,
  generateKeyPair,
  generateSecret,
  isPair,
  parseSigningKey,
} from "../../../shared/signing/secret.ts";
import type { EndpointConfig } from "../model/endpoint.ts";
import type { Signing } from "../model/endpoint-input.ts";
import { type FreshSecrets, liveSecrets, type SecretVersion, versionOf } from "../model/endpoint-secrets.ts";

/** Secrets of endpoints: made, checked, shown. */

const random = (bytes: Uint8Array) => {
  crypto.getRandomValues(bytes);
};

async function generateKey(version: SecretVersion): Promise<string> {
  return version === "v1" ? generateSecret(random) : generateKeyPair(random);
}

/** Makes a secret of each version: the Outbox knows which of them a change needs, and cannot wait for one. */
export async function freshSecrets(): Promise<FreshSecrets> {
  return { v1: await generateKey("v1"), v1a: await generateKey("v1a") };
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
    signing.map((version) =>
      given !== undefined && versionOf(given) === version ? completeSecret(given) : generateKey(version),
    ),
  );
}

/** Returns the live secrets, newest first, with their public keys where there are any; `now` in unix ms. */
export function presentSecrets({ secrets }: Pick<EndpointConfig, "secrets">, now: number) {
  const shown = liveSecrets(secrets, now).map(({ key, expiresAt }) => ({
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
