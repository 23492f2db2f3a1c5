import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { namesIn, requireKnownVariables } from "../../workers/dev/known-variables.ts";
import { readSettings } from "../../workers/dev/settings.ts";
import { configuredRoot, root, temporaryFolder } from "../pair/workers.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  configuredRoot(folder.path, { secrets: ["GITHUB_SECRET"], tables: '[vars.SOURCES.github]\nscheme = "github"\n' });
  copyFileSync(join(root, "wrangler.sender.toml"), join(folder.path, "wrangler.sender.toml"));
});
afterEach(() => folder.remove());

const check = (...names: string[]) => {
  writeFileSync(join(folder.path, ".dev.vars"), names.map((name) => `${name}="x"\n`).join(""));
  return () => requireKnownVariables(folder.path);
};

const KNOWN = [
  ...["WEBHOOK_SECRET", "API_TOKEN", "LOCAL_DEV", "WEBHOOK_URL", "PERIODIC_SECONDS", "RETENTION_DAYS", "RETRY_SECONDS"],
  ...["LEASE_SECONDS", "FLUSH_SECONDS", "GRACE_SECONDS", "MAX_BODY_BYTES", "SCAN_BYTES", "STORAGE_LIMIT_MB", "DOH_URL"],
  ...["GITHUB_SECRET", "SOURCES", "SENDER_URL", "RECEIVER_URL", "SENDER_PORT", "RECEIVER_PORT", "STATE_DIR"],
];

describe("requireKnownVariables", () => {
  test("passes what reaches a Worker or npm start, a file of the first run, and no file", () => {
    expect(() => requireKnownVariables(folder.path)).not.toThrow();
    readSettings(folder.path, {});
    expect(() => requireKnownVariables(folder.path)).not.toThrow();
    expect(check(...KNOWN)).not.toThrow();
  });

  test.each(["RETENTION_DAY", "retention_days", "RETRY_SECOND", "WEBHOOKSECRET", "FORWARD_SECRET", "STRIPE_SECRET"])(
    "names %s",
    (name) => expect(check("API_TOKEN", name)).toThrow(`.dev.vars names ${name}, which no Worker reads.`),
  );

  test("names each of several, whatever they are called", () => {
    const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,20}$/).filter((text) => !KNOWN.includes(text));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 3 }), fc.subarray(KNOWN), (names, known) => {
        const named = names.toSorted().join(", ");
        expect(check(...known, ...names)).toThrow(`.dev.vars names ${named}, which`);
      }),
      { numRuns: 50 },
    );
  });
});

describe("namesIn", () => {
  test("reads a TOML file as people write it", () => {
    const toml = [
      ...["[vars]", 'A = "1" # B = "2"', '# C = "3"', 'D="4"', "", "[vars.E.f]", 'g = "5"', "[secrets]"],
      ...["required = [", '  "H",', "  'I', # J", "]", "[[kv]]", 'binding = "K"'],
    ].join("\n");
    expect(namesIn(toml)).toEqual(["A", "D", "E", "H", "I"]);
    expect(namesIn('[vars]\nA = "1"')).toEqual(["A"]);
    expect(namesIn("")).toEqual([]);
  });
});
