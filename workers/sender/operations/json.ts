import { Problem } from "../../../shared/http/problem.ts";
import type { Delivery, DeliveryState } from "../model/delivery.ts";
import { MASKED, settingsOf } from "../model/endpoint.ts";
import { type LoggedEvent, readBodyText } from "../model/event.ts";
import type { EndpointStatus, EndpointView } from "../protocol.ts";

/** The API's JSON: camelCase, ISO 8601 times, no secret. */

export function presentEndpoint({ row, acked, log, head }: EndpointView, status: EndpointStatus | null) {
  const { url, enabled, disabledReason, types, description, headers, ordered, rateLimit, signing, createdAt } =
    row.config;
  return {
    ...{ id: row.id, url, enabled, disabledReason, types, description, ordered, rateLimit },
    ...{ signing, ...settingsOf(row.config) },
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, MASKED])),
    createdAt: time(createdAt),
    lag: head - settledUpTo(acked, status?.log === log ? status : null),
    retrying: status?.retrying ?? null,
    heldUntil: time(status?.heldUntil ?? null),
    lastOutcome: status?.lastOutcome ?? null,
  };
}

/**
 * Returns the seq up to which an endpoint has settled all events. For one that cannot be reached, or reads another log
 * still, what it has taken is all that is known.
 */
function settledUpTo(acked: number, status: EndpointStatus | null): number {
  if (status === null) return acked;
  return status.idle ? Math.max(acked, status.floor) : status.floor;
}

export function presentDelivery({ seq, id, type, state, due, until, attempts }: Delivery) {
  if (state === "expired") return { seq, untilSeq: until, state, attempts: [] };
  return {
    ...{ seq, id, type, state, nextAttemptAt: state === "due" ? time(due) : null },
    attempts: attempts.map(({ at, ms, status, code, nextAt, response }) => ({
      ...{ at: time(at), status, ms, code, nextAttemptAt: time(nextAt), response },
    })),
  };
}

/** Returns an event as JSON text, its data as it was published, to the byte; `more` members come after it. */
export function eventJson({ seq, id, type, at, body }: LoggedEvent, more: object = {}): string {
  const { timestamp, data } = readBodyText(body);
  const head = JSON.stringify({ seq, id, type, loggedAt: time(at), timestamp });
  const tail = JSON.stringify(more).slice(1);
  return `${head.slice(0, -1)},"data":${data}${tail === "}" ? tail : `,${tail}`}`;
}

/** Returns a page of events as JSON text. */
export function eventsJson(events: readonly LoggedEvent[], cursors: { next: number | null; end?: boolean }): string {
  return `{"events":[${events.map((event) => eventJson(event)).join(",")}],${JSON.stringify(cursors).slice(1)}`;
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

const STATES = new Set<string>(["delivered", "due", "dead", "expired"] satisfies DeliveryState[]);

/** @throws Problem `invalid_parameter` */
export function stateOf(text: string | undefined): DeliveryState | null {
  if (text === undefined) return null;
  if (STATES.has(text)) return text as DeliveryState;
  throw new Problem("invalid_parameter", `\`state\` is one of ${[...STATES].join(", ")}, not ${JSON.stringify(text)}.`);
}
