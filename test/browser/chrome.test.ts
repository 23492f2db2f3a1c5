import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../pair/workers.ts";
import { findChrome } from "./chrome.ts";

const folder = temporaryFolder();
const path = (name: string) => join(folder.path, name);

beforeAll(() => {
  for (const name of ["google-chrome", "elsewhere"]) writeFileSync(path(name), "", { mode: 0o755 });
  writeFileSync(path("chromium"), "", { mode: 0o644 });
  mkdirSync(path("fast"));
  for (const name of ["chromium", "chromium-headless-shell"]) writeFileSync(path(`fast/${name}`), "", { mode: 0o755 });
});
afterAll(() => folder.remove());

describe("findChrome", () => {
  test.each([
    ["the one that CHROME_PATH names", { CHROME_PATH: path("elsewhere"), PATH: folder.path }, [], "elsewhere"],
    ["what PATH has and may run", { CHROME_PATH: "", PATH: `:/none:${folder.path}` }, [], "google-chrome"],
    ["the one without windows first", { PATH: `${folder.path}:${path("fast")}` }, [], "fast/chromium-headless-shell"],
    ["one outside of PATH", { PATH: "/none" }, [path("none"), path("elsewhere")], "elsewhere"],
    ["nothing", {}, [path("chromium")], null],
  ])("finds %s", (_what, env, places, found) => {
    expect(findChrome(env, places)).toBe(found === null ? null : path(found));
  });

  test("does not skip over a CHROME_PATH that is wrong", () => {
    expect(() => findChrome({ CHROME_PATH: path("chromium"), PATH: folder.path })).toThrow("CHROME_PATH");
  });
});
