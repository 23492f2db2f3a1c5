import { describe, expect, it } from "vitest";
import { readRecord } from "../../../workers/receiver/log/read.ts";
import { sameBytes } from "../../../workers/receiver/log/same-bytes.ts";
import { useEmptyStorage } from "../support/harness.ts";
import { type Logged, log, reader, segments } from "../support/logged.ts";

useEmptyStorage();

async function sameAs(seq: number, from = reader(), scanBytes?: number): Promise<number[]> {
  const record = await readRecord(from, seq);
  if (record === null) throw new Error(`there is no event ${seq}`);
  return (await sameBytes(from, record, scanBytes)).map((event) => event.seq);
}

const binary = new Uint8Array([255, 0]);

describe("sameBytes", () => {
  it("finds the same bytes on both sides, in segments and tails, and nothing that only looks alike", async () => {
    const paid = { body: '{"a":"\n"}' };
    const other = { body: '{"a":"\n"} ' };
    await segments([paid, other, { body: binary }], [{ body: "/wA=" }, paid, { headers: [["body", paid.body]] }]);
    await log(paid, other, { body: binary });
    expect(await sameAs(5)).toEqual([1, 7]);
    expect(await sameAs(7)).toEqual([1, 5]);
    expect(await sameAs(3)).toEqual([9]);
    expect(await sameAs(9)).toEqual([3]);
    expect(await sameAs(4)).toEqual([]);
  });

  it("keeps the ten nearest on each side, and reads no more than its share", async () => {
    const one: Logged = { body: "x".repeat(100) };
    const many = Array.from({ length: 12 }, () => one);
    await segments(many, many);
    await log(...many);
    const near = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
    expect(await sameAs(18)).toEqual([...near(8, 17), ...near(19, 28)]);
    expect(await sameAs(12, reader(), 100)).toEqual([...near(2, 11), ...near(13, 22)]);
    expect(await sameAs(13, reader(), 100)).toEqual([...near(3, 12), ...near(14, 23)]);
    expect(await sameAs(36, reader(), 100)).toEqual(near(26, 35));
  });

  it("leaves out cleared events", async () => {
    const from = { source: "a" };
    await segments([from, from]);
    await log({ source: "b" }, from);
    expect(await sameAs(3, reader([{ source: "a", seq: 2 }]))).toEqual([4]);
  });
});
