import { describe, expect, it } from "vitest";
import { filesBelow } from "./files.ts";

/** The manners of the code that no linter checks. */

const MAX_FILES = 25;

const files = ["workers", "shared", "test"].flatMap(filesBelow);

describe("folders", () => {
  it(`have at most ${MAX_FILES} files each`, () => {
    const folders = Map.groupBy(files, (path) => path.slice(0, path.lastIndexOf("/")));
    expect([...folders].filter(([, inside]) => inside.length > MAX_FILES).map(([folder]) => folder)).toEqual([]);
  });
});
