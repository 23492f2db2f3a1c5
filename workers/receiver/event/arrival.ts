import { type Bytes, toHex, utf8 } from "../../../shared/bytes.ts";
import type { Verification } from "./record.ts";
import type { RequestLine } from "./request-line.ts";

/** A verified request on its way into the Inbox; `headers` is a masked HeaderList as JSON. */
export type Arrival = RequestLine & {
  source: string;
  id: string | null;
  type: string | null;
  verification: Verification;
  headers: string;
  body: Bytes;
  /** Another arrival with the same key, within the retention, is a duplicate; null: this one repeats nothing. */
  dedupKey: Bytes | null;
  /** Fingerprint of the configuration that proved it; null when nothing did. */
  fingerprint: string | null;
};

/**
 * Everything that may tell a repetition from another event. `own`: the id stands where the source's configuration says,
 * not its scheme. `signed`: the proof covers the id. `dated` is the signed content, null where no time is part of it.
 */
export type DedupGrounds = {
  source: string;
  id: string | null;
  own: boolean;
  signed: boolean;
  dated: Bytes | null;
  body: Bytes;
};

/** So many bytes of SHA-256: nobody can find two keys that agree in them, and a key of any length takes no more space. */
const DEDUP_KEY_BYTES = 16;

/**
 * Returns the key of a request; null without an id or a signed time, because equal bytes alone are often two events. The
 * key uses only what the proof covers: with an unsigned id alone, anyone who saw one request could use up the id of
 * another. The parts before the last hold no space, so no two cases meet.
 */
export async function dedupKeyOf({ source, id, own, signed, dated, body }: DedupGrounds): Promise<Bytes | null> {
  if (id !== null) {
    const kind = own ? "own-id" : "id";
    return keyNamed(signed ? `${kind} ${source} ${id}` : `body+${kind} ${source} ${await digestOf(body)} ${id}`);
  }
  // A genuine second event has another time.
  return dated === null ? null : keyNamed(`dated ${source} ${await digestOf(dated)}`);
}

/** Returns the key of a rejected request that is taken in, where it has none of its own: it is logged once all the same. */
export function dedupKeyOfTaken(rejectionId: string): Promise<Bytes> {
  return keyNamed(`taken ${rejectionId}`);
}

async function keyNamed(name: string): Promise<Bytes> {
  return (await sha256(utf8(name))).slice(0, DEDUP_KEY_BYTES);
}

async function digestOf(bytes: Bytes): Promise<string> {
  return toHex(await sha256(bytes));
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
