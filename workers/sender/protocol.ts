import type { AttemptResult } from "../../shared/outgoing/attempt.ts";
import type { ActivityView, SpanFigures, Tally } from "./model/activity.ts";
import type { Attempt, Delivery, DeliveryState, FirstOutcome } from "./model/delivery.ts";
import type { EndpointConfig, EndpointRow, PayloadForm, SignatureHeaders } from "./model/endpoint.ts";
import type { LoggedEvent } from "./model/event.ts";
import type { Health, HealthCounts, HealthState } from "./model/health.ts";
import type { Subscription, Types } from "./model/subscription.ts";

/**
 * The words that the Outbox, the Endpoints, the couriers and their callers exchange, and the calls between them. Types
 * only.
 */

/** The identity of an Endpoint: the registry's row as last confirmed. */
export type Identity = { tenant: string; id: string; config: EndpointConfig; revision: number };

/**
 * A log by its identity, which no other log has: I5 (one log). `oldest`: the first seq that it still has. `head`: the
 * last that it has given.
 */
export type LogView = { id: string; oldest: number; head: number };

/** The registry's current row of an Endpoint; `from`: the seq that a new one starts after. */
export type ConfigureCall = Identity & { from: number | null; log: LogView };

/** Events for one endpoint: all that match between `after`, which the endpoint was told of, and `upTo`. */
export type Offer = { log: LogView; after: number; upTo: number; events: LoggedEvent[]; revision: number };

/**
 * `upTo`: the last seq that was looked at. `expiredTo`: retention took everything up to here. `gone`: no such endpoint.
 * `other`: the Endpoint has read another log; it is configured for this one.
 */
export type PullAnswer = (Scan & { log: LogView }) | { log: LogView; expiredTo: number } | "gone" | "other";

/**
 * `taken`: the events are the Endpoint's to deliver. `busy`: taken too, but the endpoint keeps failing or lacks space,
 * so the next offer can wait. `gone`: the Endpoint has no configuration. `stale`: it has an older revision, or one for
 * another log. `ahead`: it has read more of this log than there is. `other`: it has other events under these seqs. In
 * both cases the log lost its end.
 */
export type OfferAnswer = "taken" | "busy" | "gone" | "stale" | "disabled" | "ahead" | "other";

/**
 * The seq up to which an Endpoint needs nothing of the log, written down. `heard`: the Endpoint knows of the offer that
 * came with the question.
 */
export type FloorAnswer = { floor: number; heard: boolean };

/**
 * An Endpoint's own view. `floor`: every matching event up to here has a row. `idle`: nothing is open and nothing to
 * pull. `position`: everything up to here was taken; of that, `waiting` deliveries are not settled, `retrying` of them
 * wait for a retry, and the oldest has the seq `oldestSeq` and was first tried at `oldestTriedAt`. `beyond`: rows above
 * the position, which a restart puts back to the floor. `heldUntil`: the server asked for no request before this. Times
 * in unix ms.
 */
export type EndpointStatus = Health & {
  log: string | null;
  floor: number;
  idle: boolean;
  position: number;
  beyond: RowsBeyond;
  waiting: number;
  retrying: number;
  oldestSeq: number | null;
  oldestTriedAt: number | null;
  lastOutcome: FirstOutcome | null;
  lastAttempt: LastAttempt | null;
  day: SpanFigures;
  activity: ActivityView;
  made: AttemptsMade;
  /** The replay that runs, or the last one; null before the first. */
  replay: ReplayView | null;
};

/** How many rows lie above a position, and the seq of the last of them. */
export type RowsBeyond = { count: number; last: number };

/** An endpoint's newest attempt; `at` in unix ms. */
export type LastAttempt = Pick<Attempt, "at" | "status" | "code" | "ms">;

/** Attempts, the milliseconds of all of them, and the deliveries that died. */
export type Made = Tally & { totalMs: number; dead: number };

/** The attempts since the object started, at `since` (unix ms). */
export type AttemptsMade = Made & { since: number };

/** Events that wait for an endpoint, since `oldestAt` (unix ms); `more`: not all of them were counted. */
export type Lag = { events: number; more: boolean; oldestAt: number | null };

/** The reason for which an endpoint pauses itself, and the revision it had then; `since` in unix ms. */
export type Pause = { reason: "gone" | "failing"; revision: number; since: number };

/**
 * An endpoint's health, as an alert tells of it: every attempt has failed since then (unix ms), the last with `status` or
 * `code`. `isOver`: one has succeeded.
 */
export type EndpointHealth = { failingSince: number; isOver: boolean; status: number; code: string | null };

/**
 * Some of the endpoints that an event is for, in the order of their ids, and how many there are in all. `next`: the id
 * to go on after, null at the end. `log`: the log's identity.
 */
export type Recipients = { log: string; ids: string[]; next: string | null; total: number };

/** A choice of recipients: after the id `after`; `waiting`: only those that are about to get a new event. */
export type RecipientQuery = { after: string; limit: number; waiting: boolean };

/**
 * An event to send again, of the log `log`; `body` is null when the log no longer has the event. `failed`: only if it is
 * not delivered.
 */
export type Redelivery = { log: string | null; seq: number; body: string | null; failed?: boolean };

/** A choice of deliveries: below `before`, of one state. */
export type DeliveryQuery = { before: number | null; limit: number; state: DeliveryState | null };

/** A span of time: `since` included, `until` excluded, null for no end (unix ms). */
export type Period = { since: number; until: number | null };

/** Deliveries that were last tried in a period, of these types; null and undefined for all. */
export type DeliveryChoice = Period & { types?: Types };

/** Deliveries to send again: dead ones (`dead`, when no state is named), those that wait for a retry (`due`). */
export type RecoverCall = DeliveryChoice & { states?: readonly ("dead" | "due")[] };

/**
 * Events that a replay cannot have: the log has none up to `toSeq` any more, which were logged before `before` (unix ms,
 * null for an empty log).
 */
export type GoneEvents = { toSeq: number; before: number | null };

/** A part of the log as it was asked for: seqs or times (unix ms), each null where the other, or nothing, bounds it. */
export type ReplayBounds = { after: number | null; since: number | null; before: number | null; until: number | null };

/** A part of the log `log`: above `after`, up to `upTo`. `gone`: what the log no longer has of what was asked for. */
export type ReplayRange = { log: string; after: number; upTo: number; gone: GoneEvents | null };

/** Events to send again to one endpoint: of a range and of these types, `missing` those without a delivered row. */
export type ReplayCall = ReplayRange & { bounds: ReplayBounds; types: Types; only: "missing" | "all" };

/**
 * A replay as its Endpoint tells of it. `at`: everything up to this seq is settled. `found`: events to send so far, all
 * of them once `foundAll`; `sent`: those of them that were sent; `lost`: those that went from the log before. Times in
 * unix ms.
 */
export type ReplayView = ReplayCall & {
  state: "running" | "done" | "cancelled";
  at: number;
  found: number;
  foundAll: boolean;
  sent: number;
  lost: number;
  startedAt: number;
  endedAt: number | null;
};

/** The seqs in a part of the log that an endpoint wants now; `upTo`: the last seq that was looked at. */
export type ReplaySeqs = { seqs: number[]; upTo: number; gone: GoneEvents | null };

/** A changed row, and whether its Endpoint has confirmed the change yet. */
export type Changed = { row: EndpointRow; confirmed: boolean };

/** Where a new endpoint starts: at the head, at an event, at a time (unix ms). */
export type StartFrom = { at: "now" } | { at: "event"; id: string } | { at: "time"; time: number };

/** An endpoint as the Outbox sees it. `acked`: the seq up to which it has taken everything. `log`: the log's identity. */
export type EndpointView = { row: EndpointRow; acked: number; log: string };

/** An endpoint with what it says of itself; `status` is null when it did not answer. */
export type EndpointReport = EndpointView & { state: HealthState; status: EndpointStatus | null; lag: Lag };

/** A choice of endpoints: by a text in id, URL or description, and by state; by state or id, after the key `after`. */
export type EndpointQuery = {
  q: string | null;
  state: HealthState | null;
  byState: boolean;
  after: string;
  limit: number;
};

/** A page of endpoints. `counts`: all that match `q`, by state. `next`: the key to go on after, null at the end. */
export type ReportPage = { reports: EndpointReport[]; counts: HealthCounts; next: string | null };

/** The numbers of one endpoint; `failingSince` in unix ms. */
export type EndpointMetrics = {
  id: string;
  lag: Lag;
  retrying: number | null;
  failingSince: number | null;
  made: Made;
};

/**
 * The sender's numbers. Those of publishers and attempts count since the Outbox started, at `since` (unix ms). `refused`:
 * calls by code. `all`: attempts at all endpoints, also those that are `omitted` from `endpoints`. Sizes in bytes.
 */
export type OutboxMetrics = {
  since: number;
  published: number;
  duplicates: number;
  refused: Record<string, number>;
  events: number;
  storageBytes: number;
  storageLimit: number;
  counts: HealthCounts;
  all: Made;
  endpoints: EndpointMetrics[];
  omitted: number;
};

/** An event that waits for its time. `data` is JSON text: the body gets its timestamp when the event enters the log. */
export type ScheduledEvent = { due: number; n: number; id: string; type: string; data: string };

/** A choice of scheduled events, after a place in the order they are due; null for the first. */
export type ScheduledQuery = { after: Pick<ScheduledEvent, "due" | "n"> | null; limit: number };

/** `more`: others are due after these. */
export type ScheduledPage = { events: ScheduledEvent[]; more: boolean };

/** The end of a try to cancel an event: released before, it has a seq; null for an id that names none. */
export type Cancelled = { cancelledAt: number } | { seq: number } | null;

/** A page of the log. `last`: the last seq that was looked at. `head` and `oldest`: the ends of the log. */
export type EventPage = { events: LoggedEvent[]; last: number; head: number; oldest: number };

/** A choice of a page of the log. `scanned`: rows that may be looked at. */
export type EventQuery = {
  after: number | null;
  before: number | null;
  type: string | null;
  limit: number;
  scanned: number;
};

/** An event of the log and its `target`: null for every endpoint, `+ep` for that one alone, `-ep` for every other. */
export type FoundEvent = LoggedEvent & { target: string | null };

/** A search of the log: a text in the data or the id, and a span of time in unix ms, `until` excluded. */
export type SearchQuery = Omit<EventQuery, "scanned"> & {
  q: string | null;
  since: number | null;
  until: number | null;
};

/**
 * Events that a search found. `from` and `to`: the first and the last seq in its way. `looked`: events looked at, `last`
 * the last of them, logged `at` (unix ms).
 */
export type SearchAnswer = {
  events: FoundEvent[];
  last: number;
  from: number;
  to: number;
  looked: number;
  at: number | null;
  head: number;
};

/** The endpoints of the log `log`: each gets the events after `from` that its subscription chooses. */
export type Subscribers = { log: string; endpoints: Subscriber[] };

export type Subscriber = { id: string; url: string; from: number; subscription: Subscription };

/** State of an event's delivery at an endpoint that may have got it; `pending`: not settled; null: not for it. */
export type StateAnswer = DeliveryState | "pending" | null;

/** A choice of deliveries among those of all endpoints, by the last attempt: its status, and its time in unix ms. */
export type DeliveryFilter = {
  state: DeliveryState | null;
  status: { min: number; max: number } | null;
  type: string | null;
  since: number | null;
  until: number | null;
};

/** Deliveries of one endpoint, the newest first. `last`: the seq down to which all were looked at, 0 for all. */
export type DeliveryPart = { deliveries: Delivery[]; last: number };

/** Events after a position that a subscription wants; `upTo`: the last seq that was looked at. */
export type Scan = { upTo: number; events: LoggedEvent[] };

/** The events that a held-back reader waits for. */
export type WaitQuery = { after: number; type: string | null; limit: number };

/** Where a courier posts, and how it signs. */
export type Destination = Pick<EndpointConfig, "url" | "headers" | "secrets" | "signing"> & {
  timeoutMs: number;
  payload: PayloadForm;
  signatureHeaders: SignatureHeaders | null;
};

/** One event to post; `body` as it is sent. */
export type Parcel = { seq: number; id: string; body: string };

/** The end of an attempt: an HTTP response, or a code of the attempt or of the checks before it. */
export type Ending = Omit<AttemptResult, "code"> & { code: string | null };

/** The end of a parcel's attempt. */
export type Ended = { seq: number; ending: Ending };

/** Takes the endings of a courier's first parcels while others are under way. */
export type Report = (ended: Ended[]) => void;

/** Calls that an Endpoint makes on a courier. */
export interface CourierCalls extends Rpc.WorkerEntrypointBranded {
  post(destination: Destination, parcels: Parcel[], report: Report): Promise<Ended[]>;
}

/** The couriers among this Worker's exports, which its objects reach by their context. */
export type CourierExports = { Courier: Service<CourierCalls> };

/** Calls that an Endpoint makes on the Outbox. */
export interface OutboxCalls extends Rpc.DurableObjectBranded {
  pull(endpointId: string, log: string | null, after: number): PullAnswer;
  bodies(log: string | null, seqs: number[]): (string | null)[];
  replaySeqs(id: string, range: Pick<ReplayCall, "log" | "after" | "upTo" | "types">): ReplaySeqs | null;
  loggedEvents(log: string, seqs: number[]): (LoggedEvent | null)[];
  reportPause(id: string, pause: Pause): ConfigureCall | null;
  reportHealth(id: string, health: EndpointHealth): void;
  reportDead(endpointId: string, delivery: Omit<Delivery, "body">): void;
}

/** Calls that the Outbox makes on an Endpoint. */
export interface EndpointCalls extends Rpc.DurableObjectBranded {
  configure(call: ConfigureCall): "done" | "older";
  offer(offer: Offer): OfferAnswer;
  floor(offer: Offer): FloorAnswer | null;
  greatest(): number;
  status(): EndpointStatus;
  wake(): void;
  destroy(): Promise<void>;
}
