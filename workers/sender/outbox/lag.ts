import { conditionOf, hasFilter, type Subscription } from "../model/subscription.ts";
import type { EndpointStatus, EndpointView, Lag, RowsBeyond } from "../protocol.ts";
import { subscriptionOf } from "./registry.ts";
import type { OutboxStore } from "./storage.ts";

/** Counts what waits for an endpoint: events that it wants alone, and the age of the oldest. */

/** Rows of the log that one count looks at, and all counts of one question: each is time of the one object. */
const MAX_SCANNED = 10_000;
const MAX_SCANNED_IN_ALL = 100_000;
/** Length of the bodies that a filter looks at for one count. */
const MAX_JUDGED_LENGTH = 1024 * 1024;

/** Events that an endpoint wants. `first`: the seq of the first of them. `more`: not all were looked at. */
type Wanted = { events: number; first: number | null; more: boolean };

export class LagCounter {
  readonly #store: OutboxStore;
  /** Rows that may still be looked at. */
  #left = MAX_SCANNED_IN_ALL;

  constructor(store: OutboxStore) {
    this.#store = store;
  }

  /** Returns the lag of an endpoint. Without a `status`, all that is known is where its last offer ended. */
  lag({ row, acked }: EndpointView, status: EndpointStatus | null): Lag {
    const known = status?.log === this.#store.logId ? status : null;
    const inLog = this.#unrecorded(known?.position ?? acked, known?.beyond, subscriptionOf(row));
    const oldest = [known?.oldestSeq ?? null, inLog.first].filter((seq) => seq !== null);
    const seq = oldest.length === 0 ? null : Math.min(...oldest);
    const at = seq === null ? null : (this.#store.log.event(seq)?.at ?? known?.oldestTriedAt ?? null);
    return { events: (known?.waiting ?? 0) + inLog.events, more: inLog.more, oldestAt: at };
  }

  /** Counts the events after a position that have no row yet. */
  #unrecorded(position: number, beyond: RowsBeyond | undefined, subscription: Subscription): Wanted {
    const wanted = this.#wantedAfter(position, subscription);
    if (beyond === undefined || beyond.count === 0) return wanted;
    const events = Math.max(0, wanted.events - beyond.count);
    if (events === 0) return { ...wanted, events, first: null };
    return { ...wanted, events, first: this.#wantedAfter(beyond.last, subscription).first ?? wanted.first };
  }

  #wantedAfter(position: number, subscription: Subscription): Wanted {
    const { head, oldest, recent } = this.#store.log;
    const start = Math.max(position, oldest - 1);
    if (start >= head) return { events: 0, first: null, more: false };
    const all = { scanned: head - start, limit: head - start, maxBytes: Number.POSITIVE_INFINITY };
    const kept = recent.scan(start, subscription, all);
    if (kept === null) {
      return hasFilter(subscription) ? this.#judged(start, subscription) : this.#wantedInTables(start, subscription);
    }
    return { events: kept.events.length, first: kept.events[0]?.seq ?? null, more: kept.upTo < head };
  }

  /** Counts by the content too, so that bodies must be read. */
  #judged(start: number, subscription: Subscription): Wanted {
    const { log } = this.#store;
    const scanned = Math.min(MAX_SCANNED, this.#left);
    const { events, upTo } = log.scan(start, subscription, { scanned, limit: scanned, maxBytes: MAX_JUDGED_LENGTH });
    this.#left -= upTo - start;
    return { events: events.length, first: events[0]?.seq ?? null, more: upTo < log.head };
  }

  #wantedInTables(start: number, subscription: Subscription): Wanted {
    const { log, sql } = this.#store;
    const { sql: wanted, params } = conditionOf(subscription);
    const found: Wanted = { events: 0, first: null, more: false };
    let left = Math.min(MAX_SCANNED, this.#left);
    for (const { name, first } of log.tables) {
      const [from, last] = [Math.max(start, first - 1), log.lastOf(first)];
      if (last <= from) continue;
      const to = Math.min(last, from + left);
      const counted = sql.run<{ n: number; first: number | null }>(
        `SELECT count(*) AS n, min(seq) AS first FROM ${name} AS ev WHERE seq > ? AND seq <= ? AND ${wanted}`,
        ...[from, to, ...params],
      )[0];
      found.events += counted?.n ?? 0;
      found.first ??= counted?.first ?? null;
      left -= to - from;
      this.#left -= to - from;
      found.more = to < last;
      if (found.more) break;
    }
    return found;
  }
}
