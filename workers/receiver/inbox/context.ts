import type { Rejections } from "../rejected/rejections.ts";
import type { InboxState, LogIdentity, Timing } from "./state/state.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { InboxStore } from "./storage/tails.ts";

/** The Inbox as a flush sees it: `commit` runs its work in a transaction on a draft of the state. */
export type InboxContext = {
  kv: KVNamespace;
  identity: LogIdentity;
  timing: Timing;
  /** Of this object, in bytes. */
  storageLimit: number;
  store: InboxStore;
  ledger: Ledger;
  rejections: Rejections;
  now(): number;
  state(): InboxState;
  commit(work: (draft: InboxState) => void): void;
};

export type RunResult = { progressed: boolean; failed: boolean };
