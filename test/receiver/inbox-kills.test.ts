import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { armedAt, inbox, SECOND, START, setTime } from "./harness.ts";
import { checkLooks } from "./invariants.ts";
import { Killer } from "./kill.ts";
import { World } from "./world.ts";

const FLUSH = 300 * SECOND;
/** More than any scenario has. */
const MOST_POINTS = 200;

beforeEach(() => setTime(START));
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** Does one step of a scenario; false when the object died of it, and it must be done again. */
type Step = (world: World) => Promise<boolean>;

const send =
  (id: string, source = "a"): Step =>
  (world) =>
    world.send(id, source);
const clear =
  (source: string | null): Step =>
  (world) =>
    world.clear(source);
/** All alarms that fall due within `ms`. */
const wait =
  (ms: number): Step =>
  async () => {
    const end = Date.now() + ms;
    let runs = 0;
    for (let next = await armedAt(); next !== null && next <= end; next = await armedAt()) {
      expect(runs++, "alarms that fall due").toBeLessThan(MOST_POINTS);
      setTime(Math.max(next, Date.now()));
      try {
        await runDurableObjectAlarm(inbox());
      } catch {
        return false;
      }
    }
    setTime(end);
    return true;
  };
const wake: Step = () =>
  inbox()
    .stats()
    .then(
      () => true,
      () => false,
    );
const lose: Step = async (world) => {
  await world.loseStorage();
  return true;
};
const evict: Step = async () => {
  await evictDurableObject(inbox());
  return true;
};
const flushed = wait(FLUSH);
const dropped = wait(2 * FLUSH);

const scenarios: [name: string, before: Step[], killed: Step[]][] = [
  ["accept, seal, put, look, drop", [], [send("1"), send("2", "b"), flushed, send("3"), dropped]],
  ["a repetition", [send("1")], [send("1"), flushed, send("1"), dropped, send("1")]],
  [
    "clear of segments and tails",
    [send("1"), flushed, dropped, send("2"), flushed, send("3")],
    [clear(null), send("4"), dropped],
  ],
  [
    "clear of one source",
    [send("1"), flushed, send("2", "b"), send("3"), dropped, send("4", "b")],
    [clear("a"), clear("b"), send("5"), dropped],
  ],
  [
    "rebuild",
    [send("1"), flushed, dropped, send("2", "b"), flushed, lose],
    [wake, send("3"), dropped, wait(3600 * SECOND)],
  ],
  [
    "rebuild of what was cleared",
    [send("1"), send("2", "b"), flushed, dropped, send("3"), flushed, dropped, clear("a"), flushed, lose],
    [wake, send("4"), clear("b"), dropped, wait(3600 * SECOND)],
  ],
  ["restart", [send("1"), flushed, evict], [wake, send("2"), evict, wake, dropped, evict, wake]],
];

describe("killed at every step of", () => {
  it.each(scenarios)(
    "%s, the log holds what was acknowledged, once",
    { timeout: 60_000 },
    async (_name, before, killed) => {
      let deaths = 0;
      for (let at = 0; at < MOST_POINTS; at++) {
        await reset();
        setTime(START);
        const world = new World();
        const killer = await Killer.create();
        for (const step of before) expect(await step(world)).toBe(true);
        killer.arm(at);
        for (const step of killed) {
          const done = await step(world).catch(() => false);
          if (done) continue;
          expect(killer.killed).toBe(true);
          await world.check();
          expect(await step(world)).toBe(true);
        }
        if (!killer.killed) break;
        deaths += 1;
        await world.check();
        await world.settle();
        checkLooks(killer.calls);
        vi.restoreAllMocks();
      }
      console.log(`killed ${deaths} times`);
      expect(deaths).toBeGreaterThan(2);
    },
  );
});
