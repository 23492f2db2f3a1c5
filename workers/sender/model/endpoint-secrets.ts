import type { EndpointConfig, EndpointSecret } from "./endpoint.ts";

/** Decides which secrets an endpoint has after a change, in the turn that writes the change. Pure. */

/** The version of the signatures that a secret makes. */
export type SecretVersion = EndpointConfig["signing"][number];

/** New secrets, one for each version. A change takes those that it turns out to need. */
export type FreshSecrets = Readonly<Record<SecretVersion, string>>;

/** Secrets of one endpoint that sign at once: each costs every attempt a signature and a part of a header. */
const MAX_LIVE = 10;

export function versionOf(secret: string): SecretVersion {
  return secret.startsWith("whsk_") ? "v1a" : "v1";
}

/** Returns the secrets that sign at `now` (unix ms). */
export function liveSecrets(secrets: readonly EndpointSecret[], now: number): EndpointSecret[] {
  return secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
}

/**
 * Returns the secrets after a rotation: a new one for each version that signs, in front. The ones that had no end sign
 * until `expiresAt`; an end that was promised before stays. When that would be too many, returns when the first of them
 * ends instead. Times are unix ms.
 */
export function rotatedSecrets(
  { secrets, signing }: Pick<EndpointConfig, "secrets" | "signing">,
  fresh: FreshSecrets,
  { now, expiresAt }: { now: number; expiresAt: number },
): EndpointSecret[] | { firstEnd: number } {
  const old = secrets.map((secret) =>
    secret.expiresAt === null && signing.includes(versionOf(secret.key)) ? { ...secret, expiresAt } : secret,
  );
  const kept = liveSecrets(old, now);
  const rotated = [...signing.map((version): EndpointSecret => ({ key: fresh[version], expiresAt: null })), ...kept];
  if (rotated.length <= MAX_LIVE) return rotated;
  return { firstEnd: Math.min(...kept.flatMap(({ expiresAt: end }) => end ?? [])) };
}

/** Returns the secrets once an endpoint signs by `signing`: each version has one without an end. Nothing is taken away. */
export function secretsFor(
  signing: readonly SecretVersion[],
  secrets: readonly EndpointSecret[],
  fresh: FreshSecrets,
): readonly EndpointSecret[] {
  const lasting = secrets.filter(({ expiresAt }) => expiresAt === null).map(({ key }) => versionOf(key));
  const missing = signing.filter((version) => !lasting.includes(version));
  return [...secrets, ...missing.map((version) => ({ key: fresh[version], expiresAt: null, added: true as const }))];
}
