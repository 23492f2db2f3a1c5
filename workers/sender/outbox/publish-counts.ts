import type { PublishResult } from "../model/event.ts";

/** Counts what publishers asked for, since this object started. Memory only. */

export class PublishCounts {
  readonly since = Date.now();
  published = 0;
  duplicates = 0;
  readonly #refused = new Map<string, number>();

  /** Counts the answers to some calls, which moved the head of the log from `before` to `after`. */
  note(results: readonly PublishResult[], { before, after }: { before: number; after: number }): void {
    const logged = results.flatMap((result) => (result.ok ? result.events : [])).filter(({ seq }) => seq !== null);
    this.published += after - before;
    this.duplicates += logged.length - (after - before);
    for (const result of results) if (!result.ok) this.#refuse(result.code);
  }

  /** Refused calls by the code of the answer. */
  get refused(): Record<string, number> {
    return Object.fromEntries(this.#refused);
  }

  #refuse(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }
}
