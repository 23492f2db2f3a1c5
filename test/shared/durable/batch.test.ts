import { describe, expect, it } from "vitest";
import { batched } from "../../../shared/durable/batch.ts";

/** A batch that notes what ran together, and refuses a batch that holds a "bad" item. */
function recording(delayMs?: (item: string) => number) {
  const batches: string[][] = [];
  const run = batched((items: string[]) => {
    batches.push(items);
    if (items.some((item) => item.startsWith("bad"))) throw new Error(`refused ${items.join(" ")}`);
    return items.map((item) => `${item} done`);
  }, delayMs);
  return { batches, run };
}

const nextTurn = () => scheduler.wait(0);

describe("batched", () => {
  it("runs a call that is alone before it returns", async () => {
    const { batches, run } = recording();
    const first = run("first");
    expect(batches).toEqual([["first"]]);
    expect(await first).toBe("first done");
    await nextTurn();
    await nextTurn();
    void run("second");
    expect(batches).toEqual([["first"], ["second"]]);
  });

  it("runs the other calls of its turn together, and answers each its own", async () => {
    const { batches, run } = recording();
    expect(await Promise.all(["a", "b", "c"].map(run))).toEqual(["a done", "b done", "c done"]);
    expect(batches).toEqual([["a"], ["b", "c"]]);
  });

  it("gathers from the first call on while calls come together, and no longer", async () => {
    const { batches, run } = recording();
    await Promise.all(["a", "b", "c"].map(run));
    await Promise.all(["d", "e"].map(run));
    const alone = run("f");
    expect(batches).toHaveLength(3);
    await alone;
    void run("g");
    expect(batches).toEqual([["a"], ["b", "c"], ["d", "e"], ["f"], ["g"]]);
  });

  it("rejects the calls of a batch that throws, and no others", async () => {
    const { run } = recording();
    const settled = await Promise.allSettled([run("first"), run("good"), run("bad")]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    await expect(run("bad alone")).rejects.toThrow("refused bad alone");
    expect(await run("later")).toBe("later done");
  });

  it("lets what can wait go with what cannot", async () => {
    const { batches, run } = recording((item) => (item === "patient" ? 60_000 : 0));
    await Promise.all([run("patient"), run("urgent"), run("patient"), run("urgent")]);
    expect(batches).toEqual([
      ["patient", "urgent"],
      ["patient", "urgent"],
    ]);
  });

  it("runs what can wait once its time is over", async () => {
    const { batches, run } = recording(() => 20);
    const call = run("patient");
    expect(batches).toEqual([]);
    expect(await call).toBe("patient done");
  });

  it("takes a call that a batch makes itself into the next one", async () => {
    const batches: string[][] = [];
    let inner: Promise<string> | null = null;
    const run = batched((items: string[]) => {
      batches.push(items);
      if (items.includes("outer")) inner = run("inner");
      return items;
    });
    expect(await run("outer")).toBe("outer");
    expect(await inner).toBe("inner");
    expect(batches).toEqual([["outer"], ["inner"]]);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "answers each call once, in order, whenever it comes (seed %i)",
    async (seed) => {
      const random = randomFrom(seed);
      const { batches, run } = recording((item) => Number(item.split(" ").at(-1)));
      const calls: { item: string; answer: Promise<string> }[] = [];
      while (calls.length < 60) {
        for (let n = Math.floor(random() * 5); n >= 0; n--) {
          const item = `${random() < 0.1 ? "bad" : "good"} ${calls.length} ${random() < 0.3 ? 5 : 0}`;
          const answer = run(item);
          // Awaited below; until then a rejection counts as handled.
          answer.catch(() => {});
          calls.push({ item, answer });
        }
        if (random() < 0.7) await scheduler.wait(random() < 0.5 ? 0 : random() * 8);
      }
      const settled = await Promise.allSettled(calls.map(({ answer }) => answer));
      expect(batches.flat()).toEqual(calls.map(({ item }) => item));
      const batchOf = new Map(batches.flatMap((batch) => batch.map((item) => [item, batch] as const)));
      for (const [index, { item }] of calls.entries()) {
        const batch = batchOf.get(item) ?? [];
        const refused = batch.some((each) => each.startsWith("bad"));
        expect(settled[index]).toMatchObject(
          refused
            ? { status: "rejected", reason: new Error(`refused ${batch.join(" ")}`) }
            : { status: "fulfilled", value: `${item} done` },
        );
      }
    },
  );
});

/** Returns a generator of numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
