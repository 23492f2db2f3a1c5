import { expect } from "vitest";
import { fromUtf8 } from "../../../shared/bytes.ts";
import { bodyBytes, type EventRow, fromLine } from "../../../workers/receiver/event/record.ts";
import { isCleared, type Tombstone } from "../../../workers/receiver/event/tombstone.ts";
import { type KvCall, realKv } from "./faulty-kv.ts";
import { DAY, inInbox } from "./harness.ts";

/** One event wherever it was found; `at` in unix milliseconds. */
export type Held = { seq: number; at: number; id: string; source: string; body: string };

type SegmentRow = {
  firstSeq: number;
  lastSeq: number;
  epoch: string;
  n: number;
  to: number;
  putAt: number | null;
  misses: number;
  expires: number | null;
};

/** Contents of the Inbox's tables, read past the object's own memory. */
export type Stored = {
  tails: { firstSeq: number; rows: Held[] }[];
  segments: SegmentRow[];
  /** The time at which each table of seen keys was begun. */
  seen: number[];
  tombstones: Tombstone[];
  /** The first seqs of cleared segments whose keys are still to be deleted. */
  gone: number[];
  /** True while KV is still to be told of a clear, listed again, or rid of a key. */
  owes: boolean;
  alarm: number | null;
};

export const GRACE = 300_000;
export const RETENTION = 30 * DAY;

export function stored(): Promise<Stored | null> {
  return inInbox(async (_instance, { storage }) => {
    const all = <Row extends Record<string, SqlStorageValue>>(query: string) => storage.sql.exec<Row>(query).toArray();
    const names = all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => name);
    if (!names.includes("meta")) return null;
    const numbered = (prefix: string) =>
      names
        .filter((name) => name.startsWith(prefix))
        .map((name) => Number(name.slice(prefix.length)))
        .sort((a, b) => a - b);
    const tails = numbered("tail_").map((firstSeq) => ({
      firstSeq,
      rows: all<EventRow>(`SELECT * FROM tail_${firstSeq} ORDER BY seq`).map(heldRow),
    }));
    const segments = all<SegmentRow>(
      'SELECT firstSeq, lastSeq, epoch, n, "to", putAt, misses, expires FROM seg ORDER BY firstSeq',
    );
    const notes = all<{ key: string; value: string }>("SELECT key, value FROM meta");
    const note = <T>(key: string, none: T): T => {
      const found = notes.find((row) => row.key === key);
      return found === undefined ? none : JSON.parse(found.value);
    };
    const cleared = note("tombstones", { list: [] as Tombstone[], saved: true });
    const { relists } = note("rebuilt", { relists: [] as number[] });
    const gone = all<{ firstSeq: number }>("SELECT firstSeq FROM gone").map(({ firstSeq }) => firstSeq);
    const owes = !cleared.saved || relists.length > 0 || gone.length > 0;
    const alarm = await storage.getAlarm();
    return { tails, segments, seen: numbered("seen_"), tombstones: cleared.list, gone, owes, alarm };
  });
}

/** Reads what KV truly holds, by key, whatever the Inbox is told. */
export async function inKv(): Promise<Map<string, Held[]>> {
  const held = new Map<string, Held[]>();
  for (const { name } of (await realKv.list()).keys) {
    const text = (await realKv.get(name)) ?? "";
    held.set(name, text.split("\n").slice(0, -1).map(heldLine));
  }
  return held;
}

/**
 * Checks I1 and I3 to I6 (workers/receiver/README.md) in the tables and in what KV truly holds; `checkLooks` is for I2.
 */
export async function checkInvariants(kv: Map<string, Held[]>): Promise<Stored> {
  const now = await stored();
  if (now === null) throw new Error("the Inbox has no tables");
  const { tails, segments, alarm } = now;
  const begins = tails.map(({ firstSeq }) => firstSeq);
  const oldestTail = begins[0] ?? Number.NaN;
  const segmentOf = new Map(segments.map((segment) => [segment.firstSeq, segment]));
  expect(begins.length, "there is an open tail").toBeGreaterThan(0);

  for (const segment of segments) {
    const inSegment = kv.get(keyOf(segment));
    if (segment.firstSeq >= oldestTail)
      expect(begins, `I5: ${keyOf(segment)} has its tail`).toContain(segment.firstSeq);
    else if (isListed(segment)) expect(inSegment?.length, `I1, I3: ${keyOf(segment)}`).toBe(segment.n);
    expect(segment.lastSeq - segment.firstSeq + 1).toBe(segment.n);
  }
  for (const [index, { firstSeq, rows }] of tails.entries()) {
    const seqs = rows.map(({ seq }) => seq);
    expect(seqs, `I5: tail ${firstSeq} has no gap`).toEqual(seqs.map((_, offset) => firstSeq + offset));
    if (index === tails.length - 1) continue;
    const segment = segmentOf.get(firstSeq);
    expect(segment?.n, `the sealed tail ${firstSeq} has its row`).toBe(rows.length);
    const copy = segment === undefined ? undefined : kv.get(keyOf(segment));
    if (copy !== undefined) expect(copy, `I4: tail ${firstSeq} and its copy`).toEqual(rows);
  }
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]?.firstSeq ?? begins.at(-1) ?? 0;
    expect(segment.lastSeq, "segments do not overlap").toBeLessThan(next);
  }
  const waits = tails.length > 1 || (tails[0]?.rows.length ?? 0) > 0;
  if (waits || now.owes) expect(alarm, "I6").not.toBeNull();
  return now;
}

/**
 * Checks I2 (no read before the grace): nobody reads a segment's key until a grace after its latest put. Segments that
 * a rebuild found were put by a life whose calls are not among these: KV's `list` has shown them already.
 */
export function checkLooks(calls: readonly KvCall[]): void {
  const puts = new Map<string, number>();
  for (const { verb, key, at } of calls.filter((call) => call.key.startsWith("events/"))) {
    if (verb === "put") puts.set(key, at);
    const put = puts.get(key);
    if (verb === "get" && put !== undefined) expect(at, `I2: ${key}`).toBeGreaterThanOrEqual(put + GRACE);
  }
}

/** Returns the events that readers may see: each once, in order, none that is cleared. */
export function visible({ tails, segments, tombstones }: Stored, kv: Map<string, Held[]>): Held[] {
  const oldestTail = tails[0]?.firstSeq ?? 0;
  const old = segments
    .filter((segment) => segment.firstSeq < oldestTail && isListed(segment))
    .flatMap((segment) => kv.get(keyOf(segment)) ?? []);
  return [...old, ...tails.flatMap(({ rows }) => rows)].filter((event) => !isCleared(tombstones, event));
}

/** Returns the seqs of all visible events, in order. */
export async function shownSeqs(): Promise<number[]> {
  const [kv, now] = [await inKv(), await stored()];
  return now === null ? [] : visible(now, kv).map(({ seq }) => seq);
}

/** Returns whether pages may name the segment: a quiet log keeps the rows of expired segments. */
function isListed({ to, expires }: SegmentRow): boolean {
  const now = Date.now();
  return to >= now - RETENTION && (expires === null || expires > now);
}

export function keyOf({ firstSeq, epoch }: { firstSeq: number; epoch: string }): string {
  return `events/default/main/${String(10 ** 15 - 1 - firstSeq).padStart(15, "0")}-${epoch}`;
}

function heldRow({ seq, at, id, source, body }: EventRow): Held {
  return { seq, at, id: id ?? "", source, body: fromUtf8(new Uint8Array(body)) ?? "" };
}

function heldLine(line: string): Held {
  const record = fromLine(line);
  const { seq, receivedAt, id, source } = record;
  return { seq, at: Date.parse(receivedAt), id: id ?? "", source, body: fromUtf8(bodyBytes(record)) ?? "" };
}
