import { toHex } from "../../../shared/bytes.ts";
import type { Alarm } from "../../../shared/durable/alarm.ts";
import { transact } from "../../../shared/durable/sql.ts";
import type { Verified } from "../rejected/history.ts";
import { createFrom, readHoldings } from "./rebuild.ts";
import { wakeAt } from "./state/rules.ts";
import type { InboxState, LogIdentity, Timing } from "./state/state.ts";
import type { InboxStore } from "./storage/schema.ts";

/** Finds out what a log holds when its object wakes: from its tables, or from KV when there are none. */

export type KnownLog = { identity: LogIdentity; state: InboxState };

/** The parts of an object that wakes; `log` is the object's name, where the object knows it. */
type Waking = {
  kv: KVNamespace;
  storage: DurableObjectStorage;
  store: InboxStore;
  alarm: Alarm;
  timing: Timing;
  log: string | undefined;
};

/** Returns the log with its alarm armed. Rejects when neither the tables nor KV can say what it holds. */
export function start(waking: Waking): Promise<KnownLog> {
  const identity = waking.store.identity();
  return identity === null ? rebuild(waking) : wake(waking, identity);
}

/** Arms the alarm for what the state waits for, not before `earliest`. */
export function armFor(alarm: Alarm, state: InboxState, timing: Timing, earliest: number): void {
  const due = wakeAt(state, timing);
  if (due !== null) alarm.arm(Math.max(due, earliest));
}

async function wake({ store, alarm, timing }: Waking, identity: LogIdentity): Promise<KnownLog> {
  const now = Date.now();
  await alarm.load(now);
  const state = loadState(store);
  // The errors of the life before are not known; only when that life meant to try again is.
  const waits = state.sealed.some((segment) => segment.putAt === null);
  if (waits && alarm.at !== null && alarm.at > now) state.retryAt = alarm.at;
  armFor(alarm, state, timing, now);
  return { identity, state };
}

async function rebuild({ kv, storage, store, alarm, timing, log }: Waking): Promise<KnownLog> {
  // From here on the name is kept in the tables: a run of the alarm may not know it.
  if (log === undefined) throw new Error("an Inbox is reached by its name");
  const holdings = await readHoldings(kv, log);
  const epoch = toHex(crypto.getRandomValues(new Uint8Array(4)));
  const now = Date.now();
  const create = () => createFrom(holdings, { store, timing, log, epoch, now });
  const identity = transact(storage, create, () => store.reload());
  const state = loadState(store);
  armFor(alarm, state, timing, now);
  return { identity, state };
}

function loadState(store: InboxStore): InboxState {
  const [tables, housekeeping] = [store.load(), store.ledger.housekeeping()];
  // A log that has events but no note of who verified them, or has lost the note with its storage, does not know.
  const none: Verified = { complete: tables.next === 1 && housekeeping.rebuilt === null, sources: {} };
  return { ...tables, retryAt: null, housekeeping, verified: store.ledger.note("verified") ?? none };
}
