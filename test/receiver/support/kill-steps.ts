import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import { armedAt, inbox, pass, SECOND, START, setTime } from "./harness.ts";
import { checkLooks } from "./invariants.ts";
import { Killer } from "./kill.ts";
import { World } from "./world.ts";

/** Scenarios that are run as often as the Inbox has points to die at. */

/** More than any scenario has. */
const MOST_POINTS = 200;

/** Does one step of a scenario; false when the object died of it, and it must be done again. */
export type Step = (world: World) => Promise<boolean>;

export const send =
  (id: string, source = "a", body = "{}"): Step =>
  (world) =>
    world.send(id, source, body);

export const clear =
  (source: string | null): Step =>
  (world) =>
    world.clear(source);

/** All alarms that fall due within `ms`. */
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

/** No alarm fires meanwhile: the platform lost it. */
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

/** What has died does not run. */
export const evict: Step = () =>
  evictDurableObject(inbox()).then(
    () => true,
    () => false,
  );

const FLUSH = 300 * SECOND;
export const flushed = wait(FLUSH);
/** And the tails of what was put before are dropped. */
export const dropped = wait(2 * FLUSH);

export type Scenario = {
  before?: readonly Step[];
  /** Made anew for each death: what goes along with the log may remember. */
  killed(killer: Killer): readonly Step[];
  /** After each death and what followed it, the world being checked. */
  after?(world: World): Promise<void>;
};

/** Runs the scenario once for each point of its steps `killed`; answers the names of the points. */
export async function killEverywhere({ before = [], killed, after }: Scenario): Promise<string[]> {
  for (let at = 0; ; at++) {
    expect(at, "points to die at").toBeLessThan(MOST_POINTS);
    await reset();
    setTime(START);
    const world = new World();
    const killer = await Killer.create();
    // So many lives say more than anybody reads, and each line costs its way to the terminal.
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

/** The log is looked at after a death; a step that it has broken off is done once more. */
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
