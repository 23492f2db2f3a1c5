import { withDeadline } from "../../../shared/deadline.ts";
import { addDifference, emptyTally } from "../model/activity.ts";
import type { EndpointRow } from "../model/endpoint.ts";
import { type HealthState, healthStateOf } from "../model/health.ts";
import type { AttemptsMade, EndpointStatus, Made } from "../protocol.ts";
import type { Positions } from "./positions.ts";

/**
 * The last status of each endpoint. Nobody reports one: it is asked for when a reader wants it and it may have changed,
 * so that a delivery costs no call more.
 */

/** An object without an answer by then counts as not answering: one must not hide the others. */
const ANSWER_MS = 3000;
/** Objects that are asked at the same time, and for one question: the platform allows 1,000 calls an invocation. */
const QUESTIONS_AT_ONCE = 50;
const MAX_QUESTIONS = 900;
/** So few endpoints are all asked. Of more, those that had nothing to do are asked again after a while. */
const FEW = 50;
const QUIET_MS = 60_000;

/** `told`: the position of the endpoint's last offer when it was asked. `status` null: no answer. */
type Known = { at: number; told: number; status: EndpointStatus | null };

type Ask = (id: string) => Promise<EndpointStatus>;

export class Statuses {
  readonly #positions: Positions;
  readonly #ask: Ask;
  readonly #known = new Map<string, Known>();
  /** The attempts that each object last said it made, and the sum over its lives: an object forgets, a counter must not. */
  readonly #made = new Map<string, { last: AttemptsMade; sum: Made }>();
  /** The sum over all endpoints, those that are deleted included. */
  readonly all: Made = nothingMade();

  constructor(positions: Positions, ask: Ask) {
    this.#positions = positions;
    this.#ask = ask;
  }

  /** The last status of an endpoint; null when it was not asked yet, or did not answer. */
  get(id: string): EndpointStatus | null {
    return this.#known.get(id)?.status ?? null;
  }

  /** Returns the attempts that are known to have been made at an endpoint since this object started. */
  made(id: string): Made {
    return this.#made.get(id)?.sum ?? nothingMade();
  }

  stateOf({ id, config }: EndpointRow, now: number): HealthState {
    return healthStateOf(config.enabled, this.get(id), now);
  }

  /** Asks one endpoint. */
  async refreshOne(row: EndpointRow, now: number): Promise<void> {
    const told = this.#positions.told(row);
    const status = await withDeadline(this.#ask(row.id), ANSWER_MS).catch(() => null);
    this.#known.set(row.id, { at: now, told, status });
    if (status !== null) this.#count(row.id, status.made);
  }

  #count(id: string, made: AttemptsMade): void {
    const known = this.#made.get(id);
    // An object that has started again begins at 0.
    const before = known?.last.since === made.since ? known.last : nothingMade();
    // An answer that was overtaken by a later one: a counter never goes back.
    if (attemptsIn(made) < attemptsIn(before)) return;
    const sum = known?.sum ?? nothingMade();
    for (const counted of [sum, this.all]) {
      addDifference(counted, made, before);
      counted.totalMs += made.totalMs - before.totalMs;
      counted.dead += made.dead - before.dead;
    }
    this.#made.set(id, { last: made, sum });
  }

  /** Asks those of all endpoints whose status may have changed, those first that were asked longest ago. */
  async refresh(rows: readonly EndpointRow[], now: number): Promise<void> {
    this.#forgetOthers(rows);
    const asked = rows
      .filter((row) => rows.length <= FEW || this.#mayHaveChanged(row, now))
      .sort((a, b) => (this.#known.get(a.id)?.at ?? 0) - (this.#known.get(b.id)?.at ?? 0))
      .slice(0, MAX_QUESTIONS);
    const next = asked.values();
    const work = async () => {
      for (const row of next) await this.refreshOne(row, now);
    };
    await Promise.all(Array.from({ length: Math.min(QUESTIONS_AT_ONCE, asked.length) }, work));
  }

  #mayHaveChanged(row: EndpointRow, now: number): boolean {
    const known = this.#known.get(row.id);
    if (known === undefined || Math.abs(now - known.at) >= QUIET_MS) return true;
    const { status } = known;
    if (status === null || this.#positions.told(row) !== known.told) return true;
    return row.config.enabled && (status.waiting > 0 || status.failingSince !== null || status.heldUntil !== null);
  }

  #forgetOthers(rows: readonly EndpointRow[]): void {
    const ids = new Set(rows.map(({ id }) => id));
    for (const map of [this.#known, this.#made]) {
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
    }
  }
}

function attemptsIn({ delivered, failed }: Made): number {
  return delivered + failed;
}

function nothingMade(): Made {
  return { ...emptyTally(), totalMs: 0, dead: 0 };
}
