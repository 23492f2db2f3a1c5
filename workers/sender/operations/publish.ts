import { toHex, utf8 } from "../../../shared/bytes.ts";
import type { NewEvent } from "../model/event.ts";
import type { PublishEvent } from "../outbox/log-writer.ts";

/** SHA-256 in hex of what a repeated request must have in common with the first. */
export async function digestOf(parts: readonly (string | number | null)[]): Promise<string> {
  // As JSON, so that no two different lists of parts are the same text.
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(parts)))));
}

function eventDigest({ type, data, deliverAt }: NewEvent): Promise<string> {
  return digestOf([type, data, deliverAt]);
}

/** As they are published: those that may come again bring what the first and the repeat must have in common. */
export function withDigests(events: readonly NewEvent[]): Promise<PublishEvent[]> {
  return Promise.all(
    events.map(async (event) => {
      const repeatable = event.id !== null || event.deliverAt !== null;
      return { ...event, digest: repeatable ? await eventDigest(event) : null };
    }),
  );
}
