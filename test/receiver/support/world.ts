import { runDurableObjectAlarm } from "cloudflare:test";
import { expect } from "vitest";
import { isCleared, type Tombstone } from "../../../workers/receiver/event/tombstone.ts";
import { accept } from "./arrivals.ts";
import { loseStorage, realKv } from "./faulty-kv.ts";
import { armedAt, inbox, pass, SECOND, setTime, walk } from "./harness.ts";
import { checkInvariants, type Held, inKv, RETENTION, type Stored, shownSeqs, stored, visible } from "./invariants.ts";

/** No world of these tests needs more alarms until nothing waits. */
const MOST_RUNS = 200;

/** `at`: when it was first sent, in unix milliseconds, and so not after it was logged. */
type Acknowledged = { seq: number; source: string; at: number };

/** The log as its callers know it: every acknowledged event must be there once, and no cleared one. */
export class World {
  /** The acknowledged events, by id. */
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Events and clears whose answer did not come: they may have happened. */
  readonly #unsure = new Set<string>();
  /** The time at which each id was first sent, since it expired or the storage with its seen keys was last lost. */
  readonly #firstSent = new Map<string, number>();
  /** Cleared events that a rebuild may show again until KV is listed again: KV did not show what was cleared. */
  readonly #revived = new Set<string>();
  /** KV's `list` held something back when the storage was lost: until it is listed again, events may be missing. */
  hidden = false;

  async send(id: string, source: string, body = "{}"): Promise<boolean> {
    const at = this.#remember(id);
    const seq = await accept(id, { source, body }).catch(() => null);
    if (seq === null) {
      this.#unsure.add(id);
      return false;
    }
    const earlier = this.#acknowledged.get(id);
    if (earlier?.at === at) expect(seq, `${id} is a repetition`).toBe(earlier.seq);
    if (earlier?.seq !== seq) this.#acknowledged.set(id, { seq, source, at });
    this.#unsure.delete(id);
    return true;
  }

  /** Sends an acknowledged event again, which must not log it twice while its id is remembered. */
  async repeat(id: string, source: string): Promise<void> {
    if (this.#firstSent.has(id)) await this.send(id, source);
  }

  /** Returns the time at which the id was first sent, as far as the log may remember it. */
  #remember(id: string): number {
    const before = this.#firstSent.get(id);
    if (before !== undefined && before > Date.now() - RETENTION) return before;
    this.#firstSent.set(id, Date.now());
    return Date.now();
  }

  async clear(source: string | null): Promise<boolean> {
    const named = [...this.#acknowledged]
      .filter(([, event]) => event.source === (source ?? event.source))
      .map(([id]) => id);
    for (const id of named) {
      this.#acknowledged.delete(id);
      this.#unsure.add(id);
    }
    try {
      await inbox().clear(source);
    } catch {
      return false;
    }
    for (const id of named) this.#unsure.delete(id);
    return true;
  }

  /** Loses the storage: events that KV does not hold are gone, and clears that KV was not told of are undone. */
  async loseStorage(): Promise<void> {
    const told = JSON.parse((await realKv.get("cleared/default/main")) ?? "[]") as Tombstone[];
    await loseStorage();
    this.#acknowledged.clear();
    this.#unsure.clear();
    this.#firstSent.clear();
    for (const event of [...(await inKv()).values()].flat()) {
      if (isCleared(told, event)) this.#revived.add(event.id);
      else this.#acknowledged.set(event.id, event);
    }
  }

  /** Ids that a sender may send again. */
  get ids(): [id: string, source: string][] {
    return [...this.#acknowledged].map(([id, { source }]) => [id, source]);
  }

  /** Seqs of the acknowledged events, in order. */
  get seqs(): number[] {
    return [...this.#acknowledged.values()].map(({ seq }) => seq).toSorted((a, b) => a - b);
  }

  /** Checks the invariants, and that readers would see each acknowledged event once and no cleared one. */
  async check(): Promise<void> {
    if (!(await this.isKnown())) return;
    const kv = await inKv();
    this.#compare(await checkInvariants(kv), kv);
  }

  /** Wakes the Inbox, so that a killed one begins anew; false while KV keeps a rebuild from ending. */
  async isKnown(): Promise<boolean> {
    try {
      await inbox().status();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "log_unavailable" });
      return false;
    }
  }

  #compare(tables: Stored, kv: Map<string, Held[]>): void {
    const shown = Map.groupBy(visible(tables, kv), ({ id }) => id);
    for (const [id, events] of shown) expect(areApart(events), `${id} is logged once a retention`).toBe(true);
    const known = (id: string) => this.#acknowledged.has(id) || this.#unsure.has(id) || this.#revived.has(id);
    const unknown = [...shown.keys()].filter((id) => !known(id));
    expect(unknown, "nothing unknown, nothing cleared").toEqual([]);
    const kept = [...this.#acknowledged].filter(([, { at }]) => at >= Date.now() - RETENTION);
    const missing = kept.filter(([id]) => !shown.has(id));
    if (!this.hidden) expect(missing, "nothing lost").toEqual([]);
  }

  /** Runs everything that is due until nothing waits: then KV holds the log, and pages show it. */
  async settle(): Promise<void> {
    while (!(await this.isKnown())) pass(SECOND);
    let runs = 0;
    for (let next = await armedAt(); next !== null; next = await armedAt()) {
      expect(runs++, "it comes to an end").toBeLessThan(MOST_RUNS);
      setTime(Math.max(next, Date.now()));
      await runDurableObjectAlarm(inbox());
    }
    this.hidden = false;
    this.#revived.clear();
    await this.check();
    expect((await stored())?.tails.map(({ rows }) => rows)).toEqual([[]]);
    expect(await this.checkPages()).toBe(true);
  }

  /** Checks that pages show everything they may, from both ends; false when they could not be read. */
  async checkPages(): Promise<boolean> {
    const unread = () => null;
    const forward = await walk("after", 7).catch(unread);
    const back = await walk("before", 7).catch(unread);
    if (forward === null || back === null) return false;
    const seqs = await shownSeqs();
    expect([forward, back]).toEqual([seqs, seqs.toReversed()]);
    return true;
  }
}

/**
 * Returns whether events of one id are a retention apart: then the id was forgotten, though its event may still be
 * shown.
 */
function areApart(events: readonly Held[]): boolean {
  return events.every((event, index) => index === 0 || event.at - (events[index - 1]?.at ?? 0) >= RETENTION);
}
