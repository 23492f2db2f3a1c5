import { env, evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import { armedAt, inbox, pass, SECOND, START, setTime } from "./harness.ts";
import { checkLooks } from "./invariants.ts";
import { Killer } from "./kill.ts";
import { World } from "./world.ts";

/** Scenarios that are run as often as the Inbox has points to die at. */

/** Points from one death to the next: `KILL_EVERY=1 npm test` makes the Inbox die at every point. */
const { KILL_EVERY } = env as unknown as Record<"KILL_EVERY", string>;
/** More than any scenario has. */
const MOST_POINTS = 200;

/** One step of a scenario; false when the object died of it, and the step must be done again. */
export type Step = (world: World) => Promise<boolean>;

export const send =
  (id: string, source = "a", body = "{}"): Step =>
  (world) =>
    world.send(id, source, body);

export const clear =
  (source: string | null): Step =>
  (world) =>
    world.clear(source);

/** Runs all alarms that fall due within `ms`. */
export const wait =
  (ms: number): Step =>
  async () => {
    const end = Date.now() + ms;
    let runs = 0;
    for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
      expect(runs++, "alarms that fall due").toBeLessThan(MOST_POINTS);
      setTime(Math.max(next, Date.now()));
      if (!(await runDurableObjectAlarm(inbox()).catch(() => false))) return false;
    }
    setTime(end);
    return true;
  };

/** Lets time pass in which no alarm fires: the platform lost it. */
export const sleep =
  (ms: number): Step =>
  async () => {
    pass(ms);
    return true;
  };

export const wake: Step = () =>
  inbox()
    .status()
    .then(
      () => true,
      () => false,
    );

export const lose: Step = async (world) => {
  await world.loseStorage();
  return true;
};

/** Evicts the object; one that has died does not run. */
export const evict: Step = () =>
  evictDurableObject(inbox()).then(
    () => true,
    () => false,
  );

const FLUSH = 300 * SECOND;
export const flushed = wait(FLUSH);
/** Time for a flush, and for dropping the tails of segments that were put before. */
export const dropped = wait(2 * FLUSH);

export type Scenario = {
  before?: readonly Step[];
  /** The steps, made anew for each death: clients beside the log have a memory. */
  killed(killer: Killer): readonly Step[];
  /** Runs after each death and the steps that followed, when the world was checked. */
  after?(world: World): Promise<void>;
};

/** Runs the scenario once for each, or each n-th, point of its steps `killed`; returns the names of the points. */
export async function killEverywhere({ before = [], killed, after }: Scenario): Promise<string[]> {
  for (let at = 0; ; at += Number(KILL_EVERY)) {
    expect(at, "points to die at").toBeLessThan(MOST_POINTS);
    await reset();
    setTime(START);
    const world = new World();
    const killer = await Killer.create();
    // So many lives log more than anybody reads, and each line costs time.
    vi.spyOn(console, "log").mockImplementation(() => {});
    for (const step of before) expect(await step(world)).toBe(true);
    killer.arm(at);
    for (const step of killed(killer)) await survive(step, world, killer);
    const { points } = killer;
    if (killer.killed) {
      await world.check();
      await after?.(world);
      checkLooks(killer.calls);
    }
    vi.restoreAllMocks();
    if (!killer.killed) return points;
  }
}

/** Does a step; after a death the log is checked, and the step is done once more. */
async function survive(step: Step, world: World, killer: Killer): Promise<void> {
  const wasKilled = killer.killed;
  const done = await step(world).catch((error: unknown) => {
    if (killer.isDeath(error)) return false;
    throw error;
  });
  if (killer.killed && !wasKilled) await world.check();
  if (done) return;
  expect(killer.killed).toBe(true);
  expect(await step(world)).toBe(true);
}
