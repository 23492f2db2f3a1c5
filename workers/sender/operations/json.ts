import { Problem } from "../../../shared/http/problem.ts";
import type { Delivery, DeliveryState } from "../model/delivery.ts";
import { MASKED, settingsOf } from "../model/endpoint.ts";
import type { LoggedEvent } from "../model/event.ts";
import { readBodyText } from "../model/event-body.ts";
import type { EndpointReport, LastAttempt, ReplayView } from "../protocol.ts";

/** The API's JSON: camelCase, ISO 8601 times, no secret. */

export function presentEndpoint({ row, state, status, lag }: EndpointReport) {
  const { url, enabled, disabledReason, types, description, headers, ordered, rateLimit, signing, createdAt } =
    row.config;
  return {
    ...{ id: row.id, url, enabled, disabledReason, types, description, ordered, rateLimit },
    ...{ signing, ...settingsOf(row.config) },
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, MASKED])),
    createdAt: time(createdAt),
    ...{ state, failingSince: time(status?.failingSince ?? null), heldUntil: time(status?.heldUntil ?? null) },
    lag: lag.events,
    lagIsAtLeast: lag.more,
    oldestWaitingSince: time(lag.oldestAt),
    retrying: status?.retrying ?? null,
    lastOutcome: status?.lastOutcome ?? null,
    lastAttempt: presentLastAttempt(status?.lastAttempt ?? null),
    ...{ lastHour: status?.hour ?? null, lastDay: status?.day ?? null },
    replay: status?.replay ? presentReplay(status.replay) : null,
  };
}

export function presentReplay({ gone, startedAt, endedAt, ...replay }: ReplayView) {
  const { state, only, types, after, upTo, at, found, foundAll, sent, lost } = replay;
  return {
    ...{ state, only, types, afterSeq: after, upToSeq: upTo, atSeq: at, found, foundAll, sent, lost },
    gone: gone === null ? null : { toSeq: gone.toSeq, loggedBefore: time(gone.before) },
    ...{ startedAt: time(startedAt), endedAt: time(endedAt) },
  };
}

function presentLastAttempt(last: LastAttempt | null) {
  return last === null ? null : { at: time(last.at), status: last.status, code: last.code, ms: last.ms };
}

export function presentDelivery({ seq, id, type, state, due, mark, until, attempts }: Delivery) {
  if (state === "expired") return { seq, untilSeq: until, state, attempts: [] };
  return {
    ...{ seq, id, type, state, nextAttemptAt: state === "due" ? time(due) : null },
    ...(mark === "skipped" && { skipped: true }),
    attempts: attempts.map(({ at, ms, status, code, nextAt, response, headers }) => ({
      ...{ at: time(at), status, ms, code, nextAttemptAt: time(nextAt), response },
      ...(headers !== undefined && { responseHeaders: headers }),
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
