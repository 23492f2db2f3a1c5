import type { Delivery, DeliveryState, FirstOutcome } from "./model/delivery.ts";
import type { EndpointConfig, EndpointRow } from "./model/endpoint.ts";
import type { LoggedEvent } from "./model/event.ts";

/** Who an Endpoint is: the registry's row as last confirmed. */
export type Identity = { tenant: string; id: string; config: EndpointConfig; revision: number };

/** What the registry says of it; `from` is the seq that a new one starts after. */
export type ConfigureCall = Identity & { from: number | null };

export type Offer = { after: number; upTo: number; events: LoggedEvent[]; revision: number };

export type PullAnswer = { upTo: number; head: number; events: LoggedEvent[] } | { expiredTo: number } | "gone";

/** `busy`: taken, but it keeps failing or lacks room; what comes next can wait a while. */
export type OfferAnswer = "taken" | "busy" | "gone" | "stale" | "disabled";

export type EndpointStatus = { floor: number; idle: boolean; retrying: number; lastOutcome: FirstOutcome | null };

/** Why an endpoint pauses itself, and the revision it had then; `since` in unix ms. */
export type Pause = { reason: "gone" | "failing"; revision: number; since: number };

/** An event to send again; `body` null when the log has forgotten it. */
export type Redelivery = { seq: number; body: string | null };

export type DeliveryQuery = { before: number | null; limit: number; state: DeliveryState | null };

/** A changed row, and whether its Endpoint has confirmed the change yet. */
export type Changed = { row: EndpointRow; confirmed: boolean };

export type StartFrom = { at: "now" } | { at: "event"; id: string } | { at: "time"; time: number };

/** An endpoint as the registry sees it; `acked` is how far it was handed the log, `head` where the log ends. */
export type EndpointView = { row: EndpointRow; acked: number; head: number };

export type EventPage = { events: LoggedEvent[]; last: number; head: number; oldest: number };

export type EventQuery = {
  after: number | null;
  before: number | null;
  type: string | null;
  limit: number;
  scanned: number;
};

/** Events after a position that match a filter; `upTo` is the last seq that was looked at. */
export type Scan = { upTo: number; events: LoggedEvent[] };

export type WaitQuery = { after: number; type: string | null; limit: number };

/** The calls that an Endpoint makes on the Outbox. */
export interface OutboxCalls extends Rpc.DurableObjectBranded {
  pull(endpointId: string, after: number): PullAnswer;
  reportPause(id: string, pause: Pause): ConfigureCall | null;
  reportDead(endpointId: string, delivery: Omit<Delivery, "body">): void;
}

/** The calls that the Outbox makes on an Endpoint. */
export interface EndpointCalls extends Rpc.DurableObjectBranded {
  configure(call: ConfigureCall): "done" | "older";
  offer(offer: Offer): OfferAnswer;
  wake(): void;
  destroy(): Promise<void>;
}
