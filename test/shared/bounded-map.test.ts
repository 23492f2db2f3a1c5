import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../shared/bounded-map.ts";

describe("BoundedMap", () => {
  it("forgets the entry that was set longest ago when there are too many", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.set("a", 3);
    map.set("c", 4);
    expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([3, undefined, 4]);
  });
});
