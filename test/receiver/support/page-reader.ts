import { expect } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { get } from "./harness.ts";
import { shownSeqs } from "./invariants.ts";
import { seqsOf } from "./live-harness.ts";

/** A reader of the log, page by page while things happen to the log, that keeps what it saw. */
export class PageReader {
  readonly #seen = new Set<number>();
  #cursor = 0;

  /** Begins anew, after the log was made anew. */
  restart(): void {
    this.#seen.clear();
    this.#cursor = 0;
  }

  /** Reads one page; true when it ends at the head. */
  async read(limit: number): Promise<boolean> {
    const { events, next, end = false } = await get<Page>(`/events?after=${this.#cursor}&limit=${limit}`);
    const reached = next ?? Number.NaN;
    const passed = (await shownSeqs()).filter((seq) => seq > this.#cursor && seq <= reached);
    expect(seqsOf(events), "a page without a gap").toEqual(passed);
    for (const { seq } of events) this.#seen.add(seq);
    this.#cursor = reached;
    return end;
  }

  /** Reads to the head, and checks that nothing shown now ever came behind its cursor. */
  async finish(): Promise<void> {
    while (!(await this.read(100)));
    expect(
      (await shownSeqs()).filter((seq) => !this.#seen.has(seq)),
      "behind the reader's cursor",
    ).toEqual([]);
  }
}
