import { toHex, utf8 } from "../../../shared/bytes.ts";
import type { Verification } from "./record.ts";

/** A verified request on its way into the Inbox; `headers` a masked HeaderList as JSON. */
export type Arrival = {
  source: string;
  id: string | null;
  type: string | null;
  verification: Verification;
  headers: string;
  body: Uint8Array<ArrayBuffer>;
  dedup: Dedup;
  /** Of the configuration that proved it; null when nothing did. */
  fingerprint: string | null;
};

/**
 * Another arrival with this key, at most `ttlMs` later, is a duplicate. `key` is a digest of `name`, which only tables
 * of an earlier schema are looked up by.
 */
export type Dedup = { key: Uint8Array<ArrayBuffer>; name: string; ttlMs: number };

/** Of SHA-256: no two keys that anyone could find agree in them, and a key of any length takes no more of the storage. */
const DEDUP_KEY_BYTES = 16;

/** Without an id only equal bytes in quick succession are taken for a repetition: it may be a second event. */
const NO_ID_TTL_MS = 300_000;

/**
 * The key uses only what the proof covers: with an unsigned id alone, anyone who saw one request could use up
 * the id of another. The parts before the last hold no space, so no two cases meet.
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
  const digest = await digestOf(utf8(name));
  return { key: digest.slice(0, DEDUP_KEY_BYTES), name, ttlMs };
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
