import { utf8 } from "../../../shared/bytes.ts";
import type { Arrival } from "../../../workers/receiver/event/arrival.ts";
import { inbox, inInbox } from "./harness.ts";

/** Returns a key of 16 well spread bytes, like a digest's, but at once: FNV-1a with four primes. */
export function keyBy(name: string): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(4).fill(0x811c9dc5);
  for (const byte of utf8(name)) {
    for (const [index, prime] of [0x01000193, 0x01000197, 0x010001a3, 0x010001a9].entries()) {
      words[index] = Math.imul((words[index] ?? 0) ^ byte, prime);
    }
  }
  return new Uint8Array(words.buffer);
}

/** Returns a verified request as the webhook route hands it on. */
export function arrival(id: string, { source = "default", body = "{}" } = {}): Arrival {
  const dedupKey = keyBy(`id ${source} ${id}`);
  return {
    source,
    id,
    type: null,
    verification: "verified",
    ...{ method: "POST", path: "/webhook", query: null },
    headers: "[]",
    body: utf8(body),
    dedupKey,
    fingerprint: null,
  };
}

/** Logs one event straight in the Inbox; returns its seq. */
export async function accept(id: string, more: { source?: string; body?: string } = {}): Promise<number> {
  const accepted = await inbox().accept(arrival(id, more));
  if (!accepted.stored) throw new Error(accepted.error);
  return accepted.seq;
}

/** Logs many events in one turn; returns their seqs. */
export function acceptMany(arrivals: Arrival[]): Promise<number[]> {
  return inInbox(async (instance) => {
    const answers = await Promise.all(arrivals.map((one) => instance.accept(one)));
    return answers.map((answer) => {
      if (!answer.stored) throw new Error(answer.error);
      return answer.seq;
    });
  });
}
