import { toHex, utf8 } from "../../../shared/bytes.ts";
import type { Verification } from "./record.ts";

/** A verified request on its way into the Inbox; `headers` is a masked HeaderList as JSON. */
export type Arrival = {
  source: string;
  id: string | null;
  type: string | null;
  verification: Verification;
  headers: string;
  body: Uint8Array<ArrayBuffer>;
  dedup: Dedup;
  /** Fingerprint of the configuration that proved it; null when nothing did. */
  fingerprint: string | null;
};

/** Key of deduplication: another arrival with the same key, at most `ttlMs` later, is a duplicate. */
export type Dedup = { key: Uint8Array<ArrayBuffer>; ttlMs: number };

/** So many bytes of SHA-256: nobody can find two keys that agree in them, and a key of any length takes no more space. */
const DEDUP_KEY_BYTES = 16;

/** Without an id only equal bytes in quick succession count as a repetition: later ones may be a second event. */
const NO_ID_TTL_MS = 300_000;

/**
 * Returns the key of a request. The key uses only what the proof covers: with an unsigned id alone, anyone who saw one
 * request could use up the id of another. The parts before the last hold no space, so no two cases meet.
 */
export async function dedupOf(
  {
    source,
    id,
    signedId,
    body,
  }: { source: string; id: string | null; signedId: boolean; body: Uint8Array<ArrayBuffer> },
  retentionMs: number,
): Promise<Dedup> {
  if (id !== null && signedId) return dedupNamed(`id ${source} ${id}`, retentionMs);
  const digest = toHex(await digestOf(body));
  if (id !== null) return dedupNamed(`body+id ${source} ${digest} ${id}`, retentionMs);
  return dedupNamed(`body ${source} ${digest}`, NO_ID_TTL_MS);
}

async function dedupNamed(name: string, ttlMs: number): Promise<Dedup> {
  return { key: (await digestOf(utf8(name))).slice(0, DEDUP_KEY_BYTES), ttlMs };
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
