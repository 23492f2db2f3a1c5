import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { utf8 } from "../../../shared/bytes.ts";
import { Sql } from "../../../shared/durable/sql.ts";
import { configOf } from "../../../workers/receiver/config.ts";
import type { Arrival } from "../../../workers/receiver/event/arrival.ts";
import { type EventFilter, NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import type { HeaderList } from "../../../workers/receiver/event/headers.ts";
import type { PageQuery } from "../../../workers/receiver/event/page.ts";
import {
  type EventRecord,
  type EventRow,
  type EventSummary,
  lineOf,
  toRecord,
} from "../../../workers/receiver/event/record.ts";
import { type RequestLine, UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import type { Tombstone } from "../../../workers/receiver/event/tombstone.ts";
import type { Inbox } from "../../../workers/receiver/inbox/inbox.ts";
import { findEvent, page, records } from "../../../workers/receiver/inbox/queries/pages.ts";
import type { LogSnapshot } from "../../../workers/receiver/inbox/queries/rows.ts";
import { InboxStore } from "../../../workers/receiver/inbox/storage/schema.ts";
import { inboxNameOf, type LogReader } from "../../../workers/receiver/log/logs.ts";
import { readPage } from "../../../workers/receiver/log/read.ts";
import { keyBy } from "./arrivals.ts";
import { env, inbox, inInbox, pass, SECOND } from "./harness.ts";

/** Logs with any content, made without verification, and a reader of them as the routes have it. */

export type Logged = Partial<Pick<Arrival, "source" | "id" | "type" | keyof RequestLine>> & {
  headers?: [string, string][];
  body?: string | Uint8Array<ArrayBuffer>;
};

/** The request line of an event, unless another is given. */
const POST: RequestLine = { method: "POST", path: "/webhook", query: null };

let arrivals = 0;

/** Logs the events at once, in this order. */
export async function log(...events: Logged[]): Promise<void> {
  const accepted = await Promise.all(events.map((event) => inbox().accept(arrivalOf(event))));
  const refused = accepted.find(({ stored }) => !stored);
  if (refused !== undefined) throw new Error(JSON.stringify(refused));
}

function arrivalOf({ source = "default", id = null, type = null, headers = [], body = "", ...line }: Logged): Arrival {
  return {
    ...POST,
    ...line,
    source,
    id,
    type,
    verification: "verified",
    headers: JSON.stringify(headers),
    body: typeof body === "string" ? utf8(body) : body,
    dedupKey: keyBy(`test ${arrivals++}`),
    fingerprint: null,
  };
}

/** Makes a segment of the events logged so far; `settle` drops its tail. */
export async function flush(): Promise<void> {
  pass(300 * SECOND);
  await runDurableObjectAlarm(inbox());
}

export async function settle(): Promise<void> {
  await flush();
  await flush();
}

/** Makes one segment of each group, without tails. */
export async function segments(...groups: Logged[][]): Promise<void> {
  for (const group of groups) {
    await log(...group);
    await flush();
  }
  await settle();
}

/** Reads all events of the tails, past all paging: for a log that was never flushed. */
export function tailRecords(): Promise<EventRecord[]> {
  return inInbox((_instance, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name LIKE 'tail_%'")
      .toArray();
    const rows = tables.flatMap(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
    return rows.map((row) => toRecord(row as Parameters<typeof toRecord>[0])).sort((a, b) => a.seq - b.seq);
  });
}

/** Returns a reader that notes its reads of KV; with `tombstones`, its Inbox knows these. */
export function reader(tombstones?: Tombstone[]): LogReader & { gets: string[]; sizes: number[] } {
  const gets: string[] = [];
  const sizes: number[] = [];
  const kv = {
    get: async (key: string, options: KVNamespaceGetOptions<"text">) => {
      gets.push(key);
      const text = await env.EVENTS.get(key, options);
      sizes.push(utf8(text ?? "").byteLength);
      return text;
    },
  } as unknown as KVNamespace;
  const log = inboxNameOf("main");
  return { inbox: tombstones === undefined ? inbox() : clearedInbox(tombstones), kv, log, gets, sizes };
}

function clearedInbox(tombstones: Tombstone[]): DurableObjectStub<Inbox> {
  const ask = <Answer>(question: (snapshot: LogSnapshot) => Answer) =>
    runInDurableObject<Inbox, Answer>(inbox(), (_instance, { storage }) => {
      const sql = new Sql(storage.sql);
      const state = new InboxStore(sql).load();
      return question({
        sql,
        state,
        timing: configOf(env),
        now: Date.now(),
        tombstones,
        repeated: new Map(),
        unread: [],
      });
    });
  return {
    page: (query: PageQuery) => ask((snapshot) => page(snapshot, query)),
    records: (query: PageQuery) => ask((snapshot) => records(snapshot, query)),
    find: (seq: number) => ask((snapshot) => findEvent(snapshot, seq)),
  } as unknown as DurableObjectStub<Inbox>;
}

export type Read = Partial<Omit<PageQuery, "filter">> & { filter?: Partial<EventFilter> };

export function query({ filter, ...more }: Read = {}): PageQuery {
  return {
    order: "before",
    seq: null,
    limit: 500,
    scanBytes: 2_097_152,
    ...more,
    filter: { ...NO_FILTER, ...filter },
  };
}

/** Returns all events that pages show, from one end of the log to the other, and the number of pages. */
export async function follow(from: LogReader, read: Read): Promise<{ events: EventSummary[]; pages: number }> {
  const events: EventSummary[] = [];
  let seq: number | null = null;
  for (let pages = 1; ; pages++) {
    const answer = await readPage(from, query({ ...read, seq }));
    events.push(...answer.events);
    const done = read.order === "after" ? answer.end === true : answer.next === null;
    if (done) return { events, pages };
    if (answer.next === seq) throw new Error(`the page at ${seq} moves on to itself`);
    seq = answer.next;
  }
}

/** Texts that are hard to store and to search. */
const awkward = fc.constantFrom(
  ..."aA b:é".split(""),
  ..."ÉσςΣſK".split(""),
  ...['"', "\\", "\n", "\t", "\u0000", "\u001f", "\u2028", "</", "😀", ": ", '","', '"encoding":"base64"}', "\ufeff"],
);

export const awkwardText = fc.array(awkward, { maxLength: 12 }).map((parts) => parts.join(""));

/** Returns the line of a segment that a row becomes. */
export const toLine = (row: EventRow): string => lineOf(toRecord(row));

/** Returns a tail's row with this body and these headers. */
export function rowOf(body: string | Uint8Array, headers: HeaderList = [], more: Partial<EventRow> = {}): EventRow {
  const bytes = typeof body === "string" ? utf8(body) : body;
  return {
    seq: 1,
    at: 0,
    source: "default",
    id: null,
    type: null,
    verification: "verified",
    ...UNKNOWN_LINE,
    bytes: bytes.byteLength,
    headers: JSON.stringify(headers),
    body: new Uint8Array(bytes).buffer,
    ...more,
  };
}
