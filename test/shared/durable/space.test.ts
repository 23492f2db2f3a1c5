import { describe, expect, it } from "vitest";
import { type Space, spaceIn } from "../../../shared/durable/space.ts";

describe("spaceIn", () => {
  const cases: [size: number, space: Space][] = [
    [0, "ample"],
    [600, "ample"],
    [601, "crowded"],
    [950, "crowded"],
    [951, "full"],
  ];
  it.each(cases)("%i of 1000 bytes: %s", (size, space) => expect(spaceIn(size, 1000)).toBe(space));
});
