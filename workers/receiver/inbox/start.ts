import { toHex } from "../../../shared/bytes.ts";
import type { Verified } from "../rejected/history.ts";
import { createFrom, readHoldings } from "./rebuild.ts";
import { trustedAlarm } from "./state/rules.ts";
import type { Housekeeping, InboxState, LogIdentity, LogState, Timing } from "./state/state.ts";
import { type Ledger, loadHousekeeping } from "./storage/ledger.ts";

import { SCHEMA } from "./storage/schema.ts";
import type { InboxStore } from "./storage/tails.ts";

/** The life of a log: who it is, and what its tables hold. */
export type KnownLog = { identity: LogIdentity; state: InboxState };

/** `log`: the object's name, where it knows it; `arm` sets the alarm that a state needs. */
export type Starting = {
  kv: KVNamespace;
  storage: DurableObjectStorage;
  store: InboxStore;
  ledger: Ledger;
  timing: Timing;
  log: string | undefined;
  arm(state: InboxState): void;
};

/** Finds out what the log holds: from its tables, or from KV when there are none. Rejects when neither can say. */
export function start(starting: Starting): Promise<KnownLog> {
  const stored = starting.store.identity();
  return stored === null ? rebuild(starting) : wake(starting, stored);
}

async function wake({ storage, store, ledger, arm }: Starting, stored: LogIdentity): Promise<KnownLog> {
  const current = stored.schema === SCHEMA;
  const identity = current ? stored : storage.transactionSync(() => store.migrate(stored));
  const now = Date.now();
  const armed = trustedAlarm(await storage.getAlarm(), now);
  const tables = store.load();
  // A new life does not know the errors of the last, but when that one meant to try again.
  const waiting = tables.sealed.some((segment) => segment.putAt === null);
  const retryAt = waiting && armed !== null && armed > now ? armed : null;
  const housekeeping = loadHousekeeping(ledger);
  const state = { ...tables, armed, retryAt, housekeeping, verified: loadVerified(ledger, tables, housekeeping) };
  arm(state);
  return { identity, state };
}

async function rebuild({ kv, storage, store, ledger, timing, log, arm }: Starting): Promise<KnownLog> {
  // Kept in the tables from here on: the run of an alarm may not know it.
  if (log === undefined) throw new Error("an Inbox is reached by its name");
  const holdings = await readHoldings(kv, log);
  const epoch = toHex(crypto.getRandomValues(new Uint8Array(4)));
  return storage.transactionSync(() => {
    const identity = createFrom(holdings, { store, ledger, timing, log, epoch, now: Date.now() });
    const [tables, housekeeping] = [store.load(), loadHousekeeping(ledger)];
    const verified = loadVerified(ledger, tables, housekeeping);
    const state = { ...tables, armed: null, retryAt: null, housekeeping, verified };
    arm(state);
    return { identity, state };
  });
}

/** A log that has events and never noted who verified them, or has lost the note with its storage, does not know. */
function loadVerified(ledger: Ledger, { next }: LogState, { rebuilt }: Housekeeping): Verified {
  return ledger.note("verified") ?? { complete: next === 1 && rebuilt === null, sources: {} };
}
