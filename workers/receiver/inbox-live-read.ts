import { type EventFilter, matches, matchesSummary } from "./filter.ts";
import { ADVANCE_EVENTS, BATCH_EVENTS, type Batch, type Extent } from "./inbox-live-plan.ts";
import type { State } from "./inbox-plan.ts";
import { type EventRow, type EventSummary, toRecord, toSummary } from "./record.ts";
import { isCleared, type Tombstone } from "./tombstone.ts";

/** What the Inbox's tails hold for viewers. Every statement is read to its end in the call that starts it. */

export type LiveView = {
  sql: SqlStorage;
  state: Pick<State, "next" | "sealed" | "open">;
  tombstones?: readonly Tombstone[];
};

/** Bodies searched for one round of one filter: the object accepts nothing meanwhile. */
const SEARCH_BYTES = 1024 * 1024;

const SUMMARY_COLUMNS = "seq, at, source, type, bytes, id, verification";

type SummaryRow = Omit<EventRow, "headers" | "body">;

export function extentOf({ state }: LiveView): Extent {
  const oldest = state.sealed[0]?.firstSeq ?? state.open.firstSeq;
  return { head: state.next - 1, floor: oldest - 1 };
}

/**
 * The events after `after` that a filter wants, at most a batch of them, and `next`, the last one looked at.
 * The tails hold everything above the extent's floor; `after` is not below it.
 */
export function readBatch(view: LiveView, after: number, filter: EventFilter): Pick<Batch, "events" | "next"> {
  const all = Object.values(filter).every((wanted) => wanted === null);
  const rows = rowsAfter(view, after, all ? BATCH_EVENTS : ADVANCE_EVENTS);
  const events: EventSummary[] = [];
  let next = after;
  let searched = 0;
  for (const row of rows) {
    const event = toSummary(row);
    const wanted = !isCleared(view.tombstones ?? [], event) && matchesSummary(filter, event);
    if (wanted && filter.q !== null) searched += row.bytes;
    // One body is always searched, however large.
    if (events.length === BATCH_EVENTS || (searched > SEARCH_BYTES && searched !== row.bytes)) break;
    if (wanted && (filter.q === null || matchesBody(view, row.seq, filter))) events.push(event);
    next = row.seq;
  }
  const finished = next === (rows.at(-1)?.seq ?? after);
  const { head } = extentOf(view);
  return { events, next: finished && rows.length < (all ? BATCH_EVENTS : ADVANCE_EVENTS) ? head : next };
}

function rowsAfter({ sql, state }: LiveView, after: number, limit: number): SummaryRow[] {
  const rows: SummaryRow[] = [];
  for (const [index, tail] of tailsOf(state).entries()) {
    const following = tailsOf(state)[index + 1];
    if (rows.length >= limit || (following !== undefined && following <= after + 1)) continue;
    const query = `SELECT ${SUMMARY_COLUMNS} FROM tail_${tail} WHERE seq > ? ORDER BY seq LIMIT ?`;
    rows.push(...sql.exec<SummaryRow>(query, after, limit - rows.length).toArray());
  }
  return rows;
}

function matchesBody({ sql, state }: LiveView, seq: number, filter: EventFilter): boolean {
  const tail = tailsOf(state).findLast((begin) => begin <= seq);
  const [row] = sql.exec<EventRow>(`SELECT * FROM tail_${tail} WHERE seq = ?`, seq).toArray();
  return row !== undefined && matches(filter, toRecord(row));
}

function tailsOf({ sealed, open }: LiveView["state"]): number[] {
  return [...sealed.map(({ firstSeq }) => firstSeq), open.firstSeq];
}
