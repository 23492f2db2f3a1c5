import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { countSegment, encodeSegment, putSegment, type Segment } from "../archive/segments.ts";

import type { InboxContext, RunResult } from "./context.ts";
import { seal } from "./seal.ts";
import { forgetSeen } from "./space.ts";
import { expiredBefore, MAX_MISSES, readBackDue, retryDelay, sealsForAge, stillWaits } from "./state/rules.ts";
import type { InboxState } from "./state/state.ts";

/** At most this many puts and as many looks a run: it must end well within an alarm's time. */
const RUN_SEGMENTS = 20;
/** KV as a whole is in trouble, not one segment. */
const ERRORS_IN_ROW = 3;
/** A call of KV that takes longer counts as failed; should it end later, it wrote the same bytes. */
const SEGMENT_DEADLINE_MS = 30_000;
/** An alarm has 15 minutes; a slow KV must not use them up. */
const RUN_MS = 5 * 60_000;

type FlushRun = RunResult & { until: number; errorsInRow: number; stopped: boolean };

/**
 * Moves sealed tails into KV: put, wait GRACE, look, drop, oldest first. It may die between any two steps: the
 * next run finds in the tables where each segment stands. Events may arrive at every await.
 */
export async function flush(inbox: InboxContext): Promise<RunResult> {
  const until = inbox.now() + RUN_MS;
  const run: FlushRun = { progressed: false, failed: false, until, errorsInRow: 0, stopped: false };
  // The alarm may be for something else: a KV that failed is left alone until its time has come.
  if (stillWaits(inbox.state().retryAt, inbox.now()) === null) await moveDue(inbox, run);
  forgetExpired(inbox);
  return run;
}

/** When the flush may be tried next, after a run at `now`. */
export function flushRetryAt({ failed }: RunResult, { sealed, retryAt }: InboxState, now: number): number | null {
  return failed ? now + retryDelay(sealed, now) : stillWaits(retryAt, now);
}

async function moveDue(inbox: InboxContext, run: FlushRun): Promise<void> {
  // Looks come first: a day on which KV refuses writes must not keep what it already holds from being dropped.
  await lookAtPut(inbox, run);
  await putSealed(inbox, run);
  if (!run.stopped && sealsForAge(inbox.state(), inbox.now(), inbox.timing)) {
    inbox.commit((draft) => seal(inbox.store, draft, inbox.identity.epoch));
    run.progressed = true;
    await putSealed(inbox, run);
  }
}

/** The log's tails stay an unbroken end of it: what cannot be dropped yet holds all that is newer. */
async function lookAtPut(inbox: InboxContext, run: FlushRun): Promise<void> {
  for (let looks = 0; looks < RUN_SEGMENTS; looks++) {
    const [oldest] = inbox.state().sealed;
    const due = oldest === undefined ? null : readBackDue(oldest, inbox.timing);
    if (oldest === undefined || due === null || due > inbox.now() || run.until < inbox.now()) return;
    const whole = await step(run, "look", oldest, async () => {
      const count = await withDeadline(countSegment(inbox.kv, inbox.identity.log, oldest), SEGMENT_DEADLINE_MS);
      if (!isWaiting(inbox, oldest)) return true;
      if (count === oldest.n) dropSealed(inbox, oldest);
      else missed(inbox, oldest, count);
      return count === oldest.n;
    });
    if (whole !== true) return;
  }
}

async function putSealed(inbox: InboxContext, run: FlushRun): Promise<void> {
  const waiting = inbox.state().sealed.filter((segment) => segment.putAt === null);
  for (const segment of waiting.slice(0, RUN_SEGMENTS)) {
    if (run.stopped || run.until < inbox.now()) return;
    if (!isWaiting(inbox, segment)) continue;
    await step(run, "put", segment, async () => {
      const began = inbox.now();
      const { retentionMs } = inbox.timing;
      const rows = inbox.store.rows(segment.firstSeq);
      const { text, bytes } = encodeSegment(rows);
      const stored = { ...segment, bytes };
      const put = putSegment(inbox.kv, inbox.identity.log, { segment: stored, text, rows, retentionMs, now: began });
      await withDeadline(put, SEGMENT_DEADLINE_MS);
      if (!isWaiting(inbox, segment)) return;
      update(inbox, { ...stored, putAt: inbox.now(), misses: 0 }, began + retentionMs);
      logEvent("segment.put", { ...logFields(segment), bytes, ms: inbox.now() - began });
    });
  }
}

/** An error is that segment's own until it says that KV takes nothing more, or others follow it. */
async function step<T>(run: FlushRun, name: string, segment: Segment, work: () => Promise<T>): Promise<T | null> {
  try {
    const result = await work();
    run.progressed = true;
    run.errorsInRow = 0;
    return result;
  } catch (error) {
    run.failed = true;
    run.errorsInRow += 1;
    run.stopped ||= isQuotaError(error) || run.errorsInRow >= ERRORS_IN_ROW;
    logEvent("flush.failed", { ...logFields(segment), step: name, error: String(error) });
    return null;
  }
}

/** False once a clear, at any await, has taken the segment with its tail. */
function isWaiting(inbox: InboxContext, { firstSeq }: Segment): boolean {
  return inbox.state().sealed.some((segment) => segment.firstSeq === firstSeq);
}

function dropSealed(inbox: InboxContext, segment: Segment): void {
  inbox.commit((draft) => {
    inbox.store.dropTail(segment.firstSeq);
    draft.sealed = draft.sealed.filter(({ firstSeq }) => firstSeq !== segment.firstSeq);
  });
  logEvent("segment.dropped", logFields(segment));
}

function missed(inbox: InboxContext, segment: Segment, count: number | null): void {
  const misses = segment.misses + 1;
  update(inbox, misses < MAX_MISSES ? { ...segment, misses } : { ...segment, misses: 0, putAt: null });
  logEvent("segment.missed", { ...logFields(segment), found: count, misses });
}

function update(inbox: InboxContext, segment: Segment, expires: number | null = null): void {
  inbox.commit((draft) => {
    inbox.store.notePut(segment, expires);
    draft.sealed = draft.sealed.map((other) => (other.firstSeq === segment.firstSeq ? segment : other));
  });
}

function forgetExpired(inbox: InboxContext): void {
  inbox.commit((draft) => {
    const now = inbox.now();
    const oldestTail = draft.sealed[0]?.firstSeq ?? draft.open.firstSeq;
    inbox.store.forgetSegments(expiredBefore(now, inbox.timing), now, oldestTail);
  });
  forgetSeen(inbox);
}

/** The platform says "429" and "limit exceeded" for the day's quota; it has no code for it. */
function isQuotaError(error: unknown): boolean {
  return /\b429\b|limit exceeded/i.test(String(error));
}

function logFields({ firstSeq, lastSeq, n }: Segment) {
  return { firstSeq, lastSeq, count: n };
}
