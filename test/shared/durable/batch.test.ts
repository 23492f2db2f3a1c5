import { describe, expect, it } from "vitest";
import { batched } from "../../../shared/durable/batch.ts";

describe("batched", () => {
  it("runs the calls of one turn together and answers each its own", async () => {
    const batches: number[][] = [];
    const double = batched((items: number[]) => {
      batches.push(items);
      return items.map((item) => item * 2);
    });
    expect(await Promise.all([double(1), double(2), double(3)])).toEqual([2, 4, 6]);
    expect(await double(4)).toBe(8);
    expect(batches).toEqual([[1, 2, 3], [4]]);
  });

  it("rejects the calls of a batch that throws, and no others", async () => {
    const run = batched((items: string[]) => {
      if (items.includes("bad")) throw new Error("refused");
      return items;
    });
    const settled = await Promise.allSettled([run("good"), run("bad")]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await run("later")).toBe("later");
  });

  it("lets what can wait go with what cannot", async () => {
    const batches: string[][] = [];
    const run = batched(
      (items: string[]) => {
        batches.push(items);
        return items;
      },
      (item) => (item === "patient" ? 60_000 : 0),
    );
    await Promise.all([run("patient"), run("urgent"), run("patient")]);
    expect(batches).toEqual([["patient", "urgent", "patient"]]);
  });
});
