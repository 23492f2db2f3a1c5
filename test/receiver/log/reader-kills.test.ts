import { reset } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Exporting } from "../support/exporting.ts";
import { clients, Follower, haveCaughtUp } from "../support/followers.ts";
import type { Killer } from "../support/kill.ts";
import {
  clear,
  dropped,
  evict,
  flushed,
  killEverywhere,
  type Scenario,
  type Step,
  send,
} from "../support/kill-steps.ts";
import { leaveAll } from "../support/live-harness.ts";
import type { World } from "../support/world.ts";

/** Waits of an export, which take no time here; a mock would not outlive the faults that are injected. */
const { wait } = scheduler;
beforeAll(() => {
  scheduler.wait = () => Promise.resolve();
});
afterAll(() => {
  scheduler.wait = wait;
});

afterEach(async () => {
  vi.restoreAllMocks();
  await leaveAll();
  await reset();
});

describe("killed at every step, the log is followed without a gap or a repetition", () => {
  let followers: Follower[] = [];
  afterEach(() => {
    for (const follower of followers) follower.stop();
  });

  it("by a WebSocket, an event stream and a long poll at once", { timeout: 60_000 }, async () => {
    const begin =
      (index: number): Step =>
      async () => {
        followers[index]?.begin();
        return true;
      };
    /** Events that keep coming, whatever dies. */
    const followed =
      (step: Step): Step =>
      async (world) => {
        const done = await step(world);
        await haveCaughtUp(followers, Math.max(...world.seqs));
        return done;
      };
    const points = await killEverywhere({
      // Events in KV alone, in a sealed tail, and in the open one.
      before: [send("1"), send("2"), dropped, send("3"), flushed, send("4")],
      killed: () => {
        followers = clients().map((client) => new Follower(client, 6));
        return [...followers.keys().map(begin), send("5"), flushed, send("6")].map(followed);
      },
      after: async () => {
        for (const follower of followers) await follower.end();
        for (const { seqs } of followers) expect(seqs).toEqual([1, 2, 3, 4, 5, 6]);
      },
    });
    expect(points).toEqual(
      expect.arrayContaining(["asked to fetch", "asked to page", "after serializeAttachment", "after send"]),
    );
  });
});

const NDJSON = "";
const CSV = "format=csv";

/** A body of which a tail takes only one. */
const LARGE = "x".repeat(263_000);
/** Three segments in KV, two of which an export reads ahead, and a tail. */
const wideLog = [
  ...[send("1", "a", LARGE), send("2", "b", LARGE), send("3", "a", LARGE), dropped],
  ...[send("4"), send("5", "b")],
];

/** Expects an export to hold all events that it `must`, up to where it was cut, and none but those that it `may`. */
function expectUnbroken(seqs: readonly number[], isWhole: boolean, must: number[], may: number[]): void {
  const end = isWhole ? Number.POSITIVE_INFINITY : (seqs.at(-1) ?? 0);
  expect(seqs, "in order, once").toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
  expect(new Set(may).isSupersetOf(new Set(seqs)), "nothing else").toBe(true);
  expect(
    must.filter((seq) => seq <= end && !seqs.includes(seq)),
    "no gap",
  ).toEqual([]);
}

/** Expects an export that is asked for again to be whole. */
async function expectWhole(world: World): Promise<void> {
  for (const query of [NDJSON, CSV]) {
    const file = await (await Exporting.open(query))?.end();
    expect([file?.state, file?.seqs]).toEqual(["whole", world.seqs]);
  }
}

/** Exports a file of each format from beginning to end, with everything that happens to the log between its chunks. */
function fileSteps(killer: Killer): Step[] {
  const files: Exporting[] = [];
  let started: number[] = [];
  const open =
    (query: string): Step =>
    async (world) => {
      started = world.seqs;
      const file = await Exporting.open(query);
      if (file !== null) files.push(file);
      return file !== null;
    };
  const read: Step = async () => {
    for (const file of files) await file.read();
    return true;
  };
  const end: Step = async (world) => {
    const kept = started.filter((seq) => world.seqs.includes(seq));
    for (const file of files) {
      const { seqs, state } = await file.end();
      if (!killer.killed) expect(state).toBe("whole");
      expectUnbroken(seqs, state === "whole", kept, started);
    }
    return true;
  };
  const meanwhile = [flushed, read, send("6"), flushed, clear("b"), flushed, evict, read];
  return [open(NDJSON), open(CSV), ...meanwhile, end];
}

/** Exports page by page, as a client does that was cut off: it repeats the page that did not come whole. */
function pageSteps(): Step[] {
  const seqs: number[] = [];
  let started: number[] = [];
  let after: number | null = 0;
  const page: Step = async (world) => {
    if (after === null) return true;
    if (after === 0) started = world.seqs;
    const file = await (await Exporting.open(`paged=true&after=${after}`))?.end();
    if (file?.state !== "whole") return false;
    seqs.push(...file.seqs);
    after = file.next;
    return true;
  };
  const end: Step = async (world) => {
    while (after !== null) if (!(await page(world))) return false;
    const kept = started.filter((seq) => world.seqs.includes(seq));
    expectUnbroken(seqs, true, kept, [...started, ...world.seqs]);
    return true;
  };
  return [page, flushed, page, send("6"), flushed, page, clear("b"), page, flushed, end];
}

const exports: [name: string, scenario: Scenario][] = [
  ["as files", { before: wideLog, killed: fileSteps, after: expectWhole }],
  ["page by page", { before: wideLog, killed: pageSteps }],
];

describe("killed at every step, an export is whole or cut where one sees it", () => {
  it.each(exports)("%s", { timeout: 60_000 }, async (_name, scenario) => {
    const points = await killEverywhere(scenario);
    expect(points).toEqual(expect.arrayContaining(["asked to records", "a page's read of KV"]));
  });
});
