import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { DAY_MS } from "../../../shared/time.ts";
import { deleteSegment, putTombstones } from "../archive/segments.ts";
import type { Rejections } from "../rejected/rejections.ts";
import type { InboxContext, RunResult } from "./context.ts";
import { relist } from "./rebuild.ts";
import { DELETES_PER_DAY, housekeepingDue, REJECTIONS_MS, stillWaits, sweptOn } from "./state/rules.ts";
import type { Housekeeping, InboxState } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";

/** At most this many deletes a run, like the puts of a flush. */
const RUN_DELETES = 20;
const CALL_DEADLINE_MS = 10_000;
/** After an error: none of it is urgent. */
const RETRY_AFTER_MS = 5 * 60_000;

/**
 * Does what the Inbox owes KV beside segments: tells it what was cleared, lists it again after a rebuild, deletes
 * cleared segments. Each repeats safely; what fails holds up none of the others.
 */
export async function doHousekeeping(inbox: InboxContext): Promise<RunResult> {
  const run: RunResult = { progressed: false, failed: false };
  if (!isHousekeepingDue(inbox.state().housekeeping, inbox.now())) return run;
  for (const [name, task] of Object.entries({
    saveWaitingRejections,
    saveTombstones,
    relistAfterRebuild,
    deleteGone,
  })) {
    try {
      if (await task(inbox)) run.progressed = true;
    } catch (error) {
      run.failed = true;
      logEvent("chore.failed", { chore: name, error: String(error) });
    }
  }
  return run;
}

/** What was refused within a minute of the last save. */
async function saveWaitingRejections({ ledger, rejections, state, commit, now }: InboxContext): Promise<boolean> {
  const { rejectedAt } = state().housekeeping;
  if (rejectedAt === null || rejectedAt + REJECTIONS_MS > now()) return false;
  commit((draft) => saveRejections({ ledger, rejections, draft, now: now() }));
  return true;
}

type Saving = { ledger: Ledger; rejections: Rejections; draft: InboxState; now: number };

/** One row a minute at most, however many were refused. */
export function saveRejections({ ledger, rejections, draft, now }: Saving): void {
  ledger.setNote("rejections", rejections.save(now));
  draft.housekeeping = { ...draft.housekeeping, rejectedAt: null };
}

/** When housekeeping may be tried next, after a run at `now`; one that was not due yet changes nothing. */
export function housekeepingRetryAt({ failed }: RunResult, housekeeping: Housekeeping, now: number): number | null {
  return failed ? now + RETRY_AFTER_MS : stillWaits(housekeeping.retryAt, now);
}

function isHousekeepingDue(housekeeping: Housekeeping, now: number): boolean {
  const due = housekeepingDue(housekeeping);
  return due !== null && due <= now;
}

/** The KV copy is for a rebuild. It outlives every segment that was put before it. */
async function saveTombstones({ kv, identity, timing, ledger, state, commit }: InboxContext): Promise<boolean> {
  const { tombstones, saved } = state().housekeeping;
  if (saved) return false;
  await withDeadline(
    putTombstones(kv, identity.log, { tombstones, retentionMs: timing.retentionMs }),
    CALL_DEADLINE_MS,
  );
  commit((draft) => {
    // Another clear may have come meanwhile: its tombstone is still to be saved.
    if (draft.housekeeping.tombstones !== tombstones) return;
    ledger.setNote("tombstones", { list: tombstones, saved: true });
    draft.housekeeping = { ...draft.housekeeping, saved: true };
  });
  return true;
}

async function relistAfterRebuild(inbox: InboxContext): Promise<boolean> {
  const due = inbox.state().housekeeping.rebuilt?.relists[0];
  if (due === undefined || due > inbox.now()) return false;
  await relist(inbox);
  return true;
}

/** Deletes come after the flush in the same alarm, so that no put of a cleared segment is still on its way. */
async function deleteGone({ kv, identity, timing, ledger, state, commit, now }: InboxContext): Promise<boolean> {
  if (state().housekeeping.gone === 0) return false;
  // Forgets, with what KV has dropped by itself, the puts that a crash or a clock left behind.
  commit((draft) => {
    ledger.dropGoneBefore(now() - timing.retentionMs - 2 * DAY_MS);
    draft.housekeeping = { ...draft.housekeeping, gone: ledger.countGone() };
  });
  const swept = sweptOn(now(), state().housekeeping.swept);
  const keys = ledger.gone(Math.min(RUN_DELETES, DELETES_PER_DAY - swept.deleted));
  for (const key of keys) await withDeadline(deleteSegment(kv, identity.log, key), CALL_DEADLINE_MS);
  if (keys.length === 0) return false;
  commit((draft) => {
    for (const key of keys) ledger.dropGone(key);
    const deleted = swept.deleted + keys.length;
    ledger.setNote("swept", { day: swept.day, deleted });
    draft.housekeeping = {
      ...draft.housekeeping,
      gone: draft.housekeeping.gone - keys.length,
      swept: { day: swept.day, deleted },
    };
  });
  return true;
}
