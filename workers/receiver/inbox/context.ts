import type { Rejections } from "../rejected/rejections.ts";
import type { Identity, State, Timing } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/** The Inbox as a flush sees it: `commit` runs its work in a transaction on a draft of the state. */
export type Flushing = {
  kv: KVNamespace;
  identity: Identity;
  timing: Timing;
  /** Of this object, in bytes. */
  storageLimit: number;
  store: InboxStore;
  ledger: Ledger;
  rejections: Rejections;
  now(): number;
  state(): State;
  commit(work: (draft: State) => void): void;
};

export type FlushResult = { progressed: boolean; failed: boolean };
