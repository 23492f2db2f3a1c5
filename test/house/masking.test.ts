import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeIn } from "./source.ts";

/** The rules of masking change together with their version: what is marked with a version is not looked through again. */

const RULES = ["shared/secret-name.ts", "workers/receiver/event/masking.ts"].map((path) =>
  join(import.meta.dirname, "../..", path),
);

/** The version that is in force, and a digest of the code of its rules. */
const KNOWN = { version: "1", digest: "ac2846459f729781" };

describe("MASKING_VERSION", () => {
  it("is another one whenever the rules mask something else", () => {
    const code = RULES.map((path) => codeIn(readFileSync(path, "utf8"))).join("");
    const version = /MASKING_VERSION=(\d+);/.exec(code)?.[1];
    const digest = createHash("sha256").update(code).digest("hex").slice(0, 16);
    expect({ version, digest }, "raise MASKING_VERSION if other things are masked, then note both here").toEqual(KNOWN);
  });
});
