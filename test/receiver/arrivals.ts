import { utf8 } from "../../shared/bytes.ts";
import type { Arrival } from "../../workers/receiver/arrival.ts";
import { DAY, inbox, inInbox } from "./harness.ts";

/** A verified request as the webhook route hands it on. */
export function arrival(id: string, { source = "default", body = "{}" } = {}): Arrival {
  const dedup = { key: `id ${source} ${id}`, ttlMs: 30 * DAY };
  return {
    source,
    id,
    type: null,
    verification: "verified",
    headers: "[]",
    body: utf8(body),
    dedup,
    fingerprint: null,
  };
}

/** Logs one event straight in the Inbox; answers its seq. */
export async function accept(id: string, more: { source?: string; body?: string } = {}): Promise<number> {
  const accepted = await inbox().accept(arrival(id, more));
  if (!accepted.stored) throw new Error(accepted.error);
  return accepted.seq;
}

/** Logs many events in one turn; answers their seqs. */
export function acceptMany(arrivals: Arrival[]): Promise<number[]> {
  return inInbox(async (instance) => {
    const answers = await Promise.all(arrivals.map((one) => instance.accept(one)));
    return answers.map((answer) => {
      if (!answer.stored) throw new Error(answer.error);
      return answer.seq;
    });
  });
}
