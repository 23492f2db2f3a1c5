/** Counts what became of requests and of calls of KV since the Inbox started, for a monitor. Memory only. */

/** The counts since `since` (unix ms). `failed`: verified requests that could not be stored. `rejected` is by reason. */
export type InboxTally = {
  since: number;
  logged: number;
  duplicates: number;
  failed: number;
  kvFailures: number;
  rejected: Record<string, number>;
};

/** The end of an arrival. */
type Settled = { stored: boolean; duplicate?: boolean };

export class InboxCounts {
  readonly since = Date.now();
  #logged = 0;
  #duplicates = 0;
  #failed = 0;
  #kvFailures = 0;
  readonly #rejected = new Map<string, number>();

  accepted(all: readonly Settled[]): void {
    for (const each of all) {
      if (!each.stored) this.#failed++;
      else if (each.duplicate) this.#duplicates++;
      else this.#logged++;
    }
  }

  rejected(reason: string, times: number): void {
    this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + times);
  }

  kvFailed(): void {
    this.#kvFailures++;
  }

  read(): InboxTally {
    return {
      ...{ since: this.since, logged: this.#logged, duplicates: this.#duplicates, failed: this.#failed },
      ...{ kvFailures: this.#kvFailures, rejected: Object.fromEntries(this.#rejected) },
    };
  }
}
