import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { DAY_MS } from "../../../shared/time.ts";
import { countSegment, encodeSegment, putSegment, type Segment } from "../archive/segments.ts";
import type { SegmentRef } from "../event/page.ts";
import { mendClock } from "./clock.ts";
import type { InboxMemory } from "./memory.ts";
import { seal } from "./seal.ts";
import { forgetSeen } from "./space.ts";
import { MAX_MISSES, oldestTail, readBackDue, retryDelay, sealsForAge, stillWaits } from "./state/rules.ts";
import type { PutNotes } from "./storage/ledger.ts";

/**
 * Moves sealed tails into KV: put, wait GRACE, read back, drop, oldest first. The object may die between any two steps:
 * the next run finds in the tables how far each segment is. Events may arrive at every await.
 */

/** A run makes at most this many puts and as many looks: it must end well within an alarm's time. */
const RUN_SEGMENTS = 20;
/** After this many errors in a row KV as a whole is in trouble, not one segment. */
const ERRORS_IN_ROW = 3;
/** A call of KV that takes longer counts as failed; if it ends later, it wrote the same bytes. */
const SEGMENT_DEADLINE_MS = 30_000;
/** An alarm has 15 minutes; a slow KV must not use them up. */
const RUN_MS = 5 * 60_000;

type FlushRun = {
  progressed: boolean;
  failed: boolean;
  until: number;
  errorsInRow: number;
  stopped: boolean;
  /** Told of each call of KV that failed. */
  failure: () => void;
};

/** Moves what is due, and forgets what is past; returns whether anything moved. Never throws. */
export async function flush(memory: InboxMemory): Promise<boolean> {
  const run: FlushRun = {
    ...{ progressed: false, failed: false, until: Date.now() + RUN_MS, errorsInRow: 0, stopped: false },
    failure: () => memory.counts.kvFailed(),
  };
  try {
    mendClock(memory);
    // The alarm may be for something else: a KV that failed is left alone until its time has come.
    if (stillWaits(memory.state.retryAt, Date.now()) === null) await moveDue(memory, run);
    await forgetExpired(memory);
  } catch (error) {
    Object.assign(run, { progressed: false, failed: true });
    logEvent("flush.failed", { error: String(error) });
  }
  const { state } = memory;
  const now = Date.now();
  const retryAt = run.failed ? now + retryDelay(state.sealed, now) : stillWaits(state.retryAt, now);
  memory.state = { ...state, retryAt };
  return run.progressed;
}

async function moveDue(memory: InboxMemory, run: FlushRun): Promise<void> {
  // Looks come first: on a day when KV refuses writes, what KV holds already is still dropped here.
  await lookAtPut(memory, run);
  await putSealed(memory, run);
  if (!run.stopped && sealsForAge(memory.state, Date.now(), memory.config)) {
    memory.commit((draft) => seal(memory.store, draft, memory.identity.epoch));
    run.progressed = true;
    await putSealed(memory, run);
  }
}

/** Reads segments back and drops their tails, the oldest first and none before an older one (I5, unbroken tails). */
async function lookAtPut(memory: InboxMemory, run: FlushRun): Promise<void> {
  for (let looks = 0; looks < RUN_SEGMENTS; looks++) {
    const [oldest] = memory.state.sealed;
    const due = oldest === undefined ? null : readBackDue(oldest, memory.config);
    if (oldest === undefined || due === null || due > Date.now() || run.until < Date.now()) return;
    const whole = await step(run, "look", oldest, async () => {
      const count = await withDeadline(countSegment(memory.kv, memory.identity.log, oldest), SEGMENT_DEADLINE_MS);
      if (!isWaiting(memory, oldest)) return true;
      const isWhole = count === oldest.lastSeq - oldest.firstSeq + 1;
      if (isWhole) dropSealed(memory, oldest);
      else noteMiss(memory, oldest, count);
      return isWhole;
    });
    if (whole !== true) return;
  }
}

async function putSealed(memory: InboxMemory, run: FlushRun): Promise<void> {
  const waiting = memory.state.sealed.filter((segment) => segment.putAt === null);
  for (const segment of waiting.slice(0, RUN_SEGMENTS)) {
    if (run.stopped || run.until < Date.now()) return;
    if (!isWaiting(memory, segment)) continue;
    await step(run, "put", segment, async () => {
      const began = Date.now();
      const { retentionMs } = memory.config;
      const rows = memory.store.tails.rows(segment.firstSeq);
      const { text, bytes, notes } = encodeSegment(segment, rows);
      const stored = { ...segment, bytes };
      const put = putSegment(memory.kv, memory.identity.log, { segment: stored, text, rows, retentionMs, now: began });
      await withDeadline(put, SEGMENT_DEADLINE_MS);
      if (!isWaiting(memory, segment)) return;
      update(memory, { ...stored, putAt: Date.now(), misses: 0 }, { ...notes, expires: began + retentionMs });
      logEvent("segment.put", { ...logFields(segment), bytes, ms: Date.now() - began });
    });
  }
}

/** Does one step; an error is that segment's own until KV says that it takes nothing more, or other errors follow. */
async function step<T>(run: FlushRun, name: string, segment: Segment, work: () => Promise<T>): Promise<T | null> {
  try {
    const result = await work();
    run.progressed = true;
    run.errorsInRow = 0;
    return result;
  } catch (error) {
    run.failed = true;
    run.errorsInRow += 1;
    run.failure();
    run.stopped ||= isQuotaError(error) || run.errorsInRow >= ERRORS_IN_ROW;
    logEvent("flush.failed", { ...logFields(segment), step: name, error: String(error) });
    return null;
  }
}

/** Returns false once a clear, at any await, has taken the segment with its tail. */
function isWaiting(memory: InboxMemory, { firstSeq }: Segment): boolean {
  return memory.state.sealed.some((segment) => segment.firstSeq === firstSeq);
}

/** Drops the tail of a segment that was read back whole (I1, kept until read back). */
function dropSealed(memory: InboxMemory, segment: Segment): void {
  memory.commit((draft) => {
    memory.store.tails.drop(segment.firstSeq);
    draft.sealed = draft.sealed.filter(({ firstSeq }) => firstSeq !== segment.firstSeq);
  });
  logEvent("segment.dropped", logFields(segment));
}

function noteMiss(memory: InboxMemory, segment: Segment, count: number | null): void {
  const misses = segment.misses + 1;
  update(memory, misses < MAX_MISSES ? { ...segment, misses } : { ...segment, misses: 0, putAt: null });
  logEvent("segment.missed", { ...logFields(segment), found: count, misses });
}

function update(memory: InboxMemory, segment: Segment, put: PutNotes | null = null): void {
  memory.commit((draft) => {
    memory.store.ledger.notePut(segment, put);
    draft.sealed = draft.sealed.map((other) => (other.firstSeq === segment.firstSeq ? segment : other));
  });
}

/**
 * Forgets what is past. A segment is past once KV, which has a clock of its own, shows it no more a day after its
 * retention: a clock of ours that was ahead for a while has hidden it, and nothing is lost.
 */
async function forgetExpired(memory: InboxMemory): Promise<void> {
  const { ledger } = memory.store;
  const { retentionMs } = memory.config;
  const expired = ledger.expiredSegments(Date.now() - DAY_MS, retentionMs, oldestTail(memory.state));
  const gone: SegmentRef[] = [];
  for (const segment of expired) {
    const call = countSegment(memory.kv, memory.identity.log, segment);
    const count = await withDeadline(call, SEGMENT_DEADLINE_MS).catch((error: unknown) => {
      memory.counts.kvFailed();
      logEvent("segment.unread", { firstSeq: segment.firstSeq, error: String(error) });
      return 0;
    });
    if (count !== null) break;
    gone.push(segment);
  }
  if (gone.length > 0) {
    memory.commit(() => {
      for (const segment of gone) ledger.forgetSegment(segment);
    });
  }
  forgetSeen(memory);
}

/** Recognises an error for the day's quota: the platform says "429" or "limit exceeded", and has no code for it. */
function isQuotaError(error: unknown): boolean {
  return /\b429\b|limit exceeded/i.test(String(error));
}

function logFields({ firstSeq, lastSeq, n }: Segment) {
  return { firstSeq, lastSeq, count: n };
}
