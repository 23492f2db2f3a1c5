import { runDurableObjectAlarm } from "cloudflare:test";
import { expect } from "vitest";
import { isCleared, type Tombstone } from "../../workers/receiver/tombstone.ts";
import { accept } from "./arrivals.ts";
import { loseStorage, realKv } from "./faulty-kv.ts";
import { armedAt, inbox, pass, SECOND, setTime, walk } from "./harness.ts";
import { checkInvariants, type Held, inKv, type Stored, stored, visible } from "./invariants.ts";

/** Alarms that any world of these tests needs until nothing waits. */
const MOST_RUNS = 200;

/** The log as those see it who were given answers: what was acknowledged must be there once, what was cleared not. */
export class World {
  /** The source of each acknowledged event, by id. */
  readonly #acknowledged = new Map<string, string>();
  /** Events and clears whose answer did not come: they may have happened. */
  readonly #unsure = new Set<string>();
  /** Ids logged since the storage was last lost, and with it what it had seen. */
  readonly #remembered = new Set<string>();
  /** Cleared events that a rebuild may show again until KV is listed again: KV did not show what was cleared. */
  readonly #revived = new Set<string>();
  /** KV's `list` held something back when the storage was lost: until it is listed again, events may be missing. */
  hidden = false;

  async send(id: string, source: string): Promise<boolean> {
    try {
      await accept(id, { source });
      this.#acknowledged.set(id, source);
      this.#remembered.add(id);
      this.#unsure.delete(id);
      return true;
    } catch {
      this.#unsure.add(id);
      return false;
    }
  }

  /** Sends an acknowledged event again, which must not log it twice while its id is remembered. */
  async repeat(id: string, source: string): Promise<void> {
    if (this.#remembered.has(id)) await accept(id, { source }).catch(() => {});
  }

  async clear(source: string | null): Promise<boolean> {
    const named = [...this.#acknowledged].filter(([, of]) => of === (source ?? of)).map(([id]) => id);
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

  /** The storage is gone: what KV does not hold is lost, what KV was not told of is not cleared. */
  async loseStorage(): Promise<void> {
    const told = JSON.parse((await realKv.get("cleared/default/main")) ?? "[]") as Tombstone[];
    await loseStorage();
    this.#acknowledged.clear();
    this.#unsure.clear();
    this.#remembered.clear();
    for (const event of [...(await inKv()).values()].flat()) {
      if (isCleared(told, event)) this.#revived.add(event.id);
      else this.#acknowledged.set(event.id, event.source);
    }
  }

  /** Ids that a sender may send again. */
  get ids(): [id: string, source: string][] {
    return [...this.#acknowledged];
  }

  /** The invariants, and that readers would see each acknowledged event once and nothing that was cleared. */
  async check(): Promise<void> {
    if (!(await this.isKnown())) return;
    const kv = await inKv();
    this.#compare(await checkInvariants(kv), kv);
  }

  /** Wakes the Inbox, so that a life that was killed begins anew; false while KV keeps a rebuild from ending. */
  async isKnown(): Promise<boolean> {
    try {
      await inbox().stats();
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "log_unavailable" });
      return false;
    }
  }

  #compare(tables: Stored, kv: Map<string, Held[]>): void {
    const ids = visible(tables, kv).map(({ id }) => id);
    expect(new Set(ids).size, "no event twice").toBe(ids.length);
    const known = (id: string) => this.#acknowledged.has(id) || this.#unsure.has(id) || this.#revived.has(id);
    const unknown = ids.filter((id) => !known(id));
    expect(unknown, "nothing unknown, nothing cleared").toEqual([]);
    const shown = new Set(ids);
    const missing = [...this.#acknowledged.keys()].filter((id) => !shown.has(id));
    if (!this.hidden) expect(missing, "nothing lost").toEqual([]);
  }

  /** Runs all that is due until nothing waits: then KV holds the log, and pages show it. */
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
    const kv = await inKv();
    const now = await stored();
    if (now === null) throw new Error("the Inbox has no tables");
    expect(now.tails.map(({ rows }) => rows)).toEqual([[]]);
    const seqs = visible(now, kv).map(({ seq }) => seq);
    expect(await walk("after", 7)).toEqual(seqs);
    expect(await walk("before", 7)).toEqual(seqs.toReversed());
  }
}
