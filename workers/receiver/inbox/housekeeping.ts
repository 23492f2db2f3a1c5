import { withDeadline } from "../../../shared/deadline.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { deleteSegment, putTombstones } from "../archive/segments.ts";
import { applyTombstones } from "./clear.ts";
import type { InboxMemory } from "./memory.ts";
import { adopt, readHoldings } from "./rebuild.ts";
import {
  DELETES_PER_DAY,
  expiredBefore,
  housekeepingDue,
  NOTES_MS,
  oldestTail,
  stillWaits,
  sweptOn,
} from "./state/rules.ts";
import type { MemoryNote, Rebuilt } from "./state/state.ts";
import { lookAgain } from "./unread.ts";

/**
 * Does what the Inbox owes beside segments: saves rejected requests and repetitions, looks again at what could not be
 * read, tells KV what was cleared, lists KV again after a rebuild, deletes cleared segments. Each task repeats safely; a
 * task that fails holds up none of the others.
 */

/** A run deletes at most this many keys, as many as a flush puts. */
const RUN_DELETES = 20;
const CALL_DEADLINE_MS = 10_000;
/** The wait after an error: no task is urgent. */
const RETRY_AFTER_MS = 5 * 60_000;

/** Does the tasks that are due; returns whether anything was done. Never throws. */
export async function doHousekeeping(memory: InboxMemory): Promise<boolean> {
  const run = { progressed: false, failed: false };
  const due = housekeepingDue(memory.state.housekeeping);
  if (due === null || due > Date.now()) return settle(memory, run);
  const tasks = { saveWaitingNotes, lookAgain, saveTombstones, relistAfterRebuild, deleteGone };
  for (const [name, task] of Object.entries(tasks)) {
    try {
      if (await task(memory)) run.progressed = true;
    } catch (error) {
      run.failed = true;
      logEvent("chore.failed", { chore: name, error: String(error) });
    }
  }
  return settle(memory, run);
}

/** Sets when housekeeping is tried next; a run in which nothing was due changes nothing. */
function settle(memory: InboxMemory, { progressed, failed }: { progressed: boolean; failed: boolean }): boolean {
  const { housekeeping } = memory.state;
  const now = Date.now();
  const retryAt = failed ? now + RETRY_AFTER_MS : stillWaits(housekeeping.retryAt, now);
  memory.state = { ...memory.state, housekeeping: { ...housekeeping, retryAt } };
  return progressed;
}

/**
 * Saves a note that changed in memory, at most once a minute: now, or by alarm when the last save is not a minute old.
 * Never throws: the next change is another try.
 */
export function saveNotesSoon(memory: InboxMemory, changed: MemoryNote): void {
  const { housekeeping } = memory.state;
  const now = Date.now();
  memory.unsaved.add(changed);
  const due = housekeeping.notesDue ?? Math.max(memory.rejections.savedAt, memory.repetitions.savedAt) + NOTES_MS;
  try {
    // A time further off is of a clock that was set back: it must not hold the notes up.
    if (due <= now || due > now + NOTES_MS) {
      saveNotes(memory, now);
      memory.arm(now);
      return;
    }
    if (housekeeping.notesDue !== null) return;
    memory.state = { ...memory.state, housekeeping: { ...housekeeping, notesDue: due } };
    memory.arm(now);
    memory.stayAwake(NOTES_MS);
  } catch (error) {
    logEvent("notes.not_saved", { error: String(error) });
  }
}

/** Writes the notes that changed: one row each, however much there was to note. */
function saveNotes(memory: InboxMemory, now: number): void {
  const { store, rejections, repetitions, unsaved, config } = memory;
  // A clock that is ahead must not make the counts of events past that the log still has.
  const oldest = store.ledger.oldestFrom() ?? now;
  memory.commit((draft) => {
    if (unsaved.has("rejections")) store.ledger.setNote("rejections", rejections.save(now));
    if (unsaved.has("repetitions")) {
      store.ledger.setNote("repetitions", repetitions.save(now, Math.min(expiredBefore(now, config), oldest)));
    }
    draft.housekeeping = { ...draft.housekeeping, notesDue: null, forgetAt: rejections.forgetAt };
  });
  unsaved.clear();
  memory.rest();
}

/** Saves the notes that changed within a minute of the last save, and forgets rejected requests after their time. */
async function saveWaitingNotes(memory: InboxMemory): Promise<boolean> {
  const { notesDue, forgetAt } = memory.state.housekeeping;
  const now = Date.now();
  const forgets = forgetAt !== null && forgetAt <= now;
  if (forgets) memory.unsaved.add("rejections");
  else if (notesDue === null || notesDue > now) return false;
  saveNotes(memory, now);
  return true;
}

/** Copies the tombstones to KV, for a rebuild. The copy outlives every segment that was put before it. */
async function saveTombstones(memory: InboxMemory): Promise<boolean> {
  const { kv, identity, config, store } = memory;
  const { tombstones, saved } = memory.state.housekeeping;
  if (saved) return false;
  await withDeadline(
    putTombstones(kv, identity.log, { tombstones, retentionMs: config.retentionMs }),
    CALL_DEADLINE_MS,
  );
  memory.commit((draft) => {
    // Another clear may have come meanwhile: its tombstone is still to be saved.
    if (draft.housekeeping.tombstones !== tombstones) return;
    store.ledger.setNote("tombstones", { list: tombstones, saved: true });
    draft.housekeeping = { ...draft.housekeeping, saved: true };
  });
  return true;
}

/** Lists KV once more after a rebuild and adds what its lag had hidden, cleared or not. */
async function relistAfterRebuild(memory: InboxMemory): Promise<boolean> {
  const due = memory.state.housekeeping.rebuilt?.relists[0];
  if (due === undefined || due > Date.now()) return false;
  const { kv, identity, config, store } = memory;
  const { segments, tombstones } = await readHoldings(kv, identity.log);
  memory.commit((draft) => {
    const now = Date.now();
    const adoption = { store, timing: config, epoch: identity.epoch, now, oldestTail: oldestTail(draft) };
    applyTombstones(store, draft, tombstones, now);
    const found = adopt(segments, draft.housekeeping.tombstones, adoption);
    const { rebuilt } = draft.housekeeping;
    if (rebuilt === null) return;
    const noted: Rebuilt = { ...rebuilt, segments: rebuilt.segments + found, relists: rebuilt.relists.slice(1) };
    store.ledger.setNote("rebuilt", noted);
    draft.housekeeping = { ...draft.housekeeping, rebuilt: noted, gone: store.ledger.countGone() };
    logEvent("log.relisted", { found, segments: noted.segments });
  });
  return true;
}

/** Deletes keys of cleared segments, after the flush of the same alarm: so no put of one is still on its way. */
async function deleteGone(memory: InboxMemory): Promise<boolean> {
  const { kv, identity } = memory;
  const { ledger } = memory.store;
  if (memory.state.housekeeping.gone === 0) return false;
  const { day, deleted } = sweptOn(Date.now(), memory.state.housekeeping.swept);
  const keys = ledger.gone(Math.min(RUN_DELETES, DELETES_PER_DAY - deleted));
  for (const key of keys) await withDeadline(deleteSegment(kv, identity.log, key), CALL_DEADLINE_MS);
  if (keys.length === 0) return false;
  const swept = { day, deleted: deleted + keys.length };
  memory.commit((draft) => {
    for (const key of keys) ledger.dropGone(key);
    ledger.setNote("swept", swept);
    draft.housekeeping = { ...draft.housekeeping, gone: draft.housekeeping.gone - keys.length, swept };
  });
  return true;
}
