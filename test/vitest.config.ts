import { resolve } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { storeInMemory } from "./support/memory.ts";
import { dropKnownNoise } from "./support/quiet.ts";

/** The test run of the gate: each Worker's rooms in workerd, the pair and the pages in processes of their own. */

const root = resolve(import.meta.dirname, "..");

/** The variables of every Worker under test, so that no `.dev.vars` is needed, and none changes what a test sees. */
const bindings = {
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", // the specification's example
  API_TOKEN: "test-token-of-24-letters",
  LOCAL_DEV: "true",
};

const testTimeout = 20_000; // two cores, several suites at once
const setupFiles = ["test/support/patience.ts"];

// wrangler looks here for required variables, and warns about missing ones.
Object.assign(process.env, { WEBHOOK_SECRET: bindings.WEBHOOK_SECRET, API_TOKEN: bindings.API_TOKEN });

storeInMemory();
// wrangler is started some sixty times, and compiles 15 MB of its own each time.
process.env.NODE_COMPILE_CACHE ??= `${root}/node_modules/.cache/compiled`;
dropKnownNoise(process.stdout);

/** `isolate` false: the files take turns in one runtime, which saves a start each; each file begins with an empty storage. */
function workerd(name: "sender" | "receiver", vars: Record<string, string>) {
  return {
    root,
    plugins: [
      cloudflareTest({
        wrangler: { configPath: `${root}/wrangler.${name}.toml` },
        miniflare: { bindings: { ...bindings, ...vars } },
      }),
    ],
    test: {
      name,
      isolate: false,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles: [...setupFiles, "test/support/begin-anew.ts"],
      testTimeout,
    },
  };
}

/** Takes modules that the Workers import as text for empty ones. */
function asText(modules: RegExp) {
  const EMPTY = "\0empty";
  return {
    name: "as-text",
    enforce: "pre" as const,
    resolveId: (source: string) => (modules.test(source) ? EMPTY : null),
    load: (id: string) => (id === EMPTY ? 'export default "";' : null),
  };
}

/** The files that start processes wait for deadlines, restarts and pages: three at a time, after those that compute. */
const waiting = { maxWorkers: 3, sequence: { groupOrder: 1 }, environment: "node" } as const;

export default defineConfig({
  root,
  test: {
    silent: "passed-only", // the Workers log each event they handle
    maxWorkers: 2, // those in workerd compute, on two cores
    projects: [
      {
        // Documentation, names and comments: reads the files and runs nothing of them but the tables of routes.
        root,
        plugins: [asText(/\/client\/.*\.js$|\.css$|\.txt$/)],
        test: { name: "house", environment: "node", include: ["test/house/**/*.test.ts"], testTimeout },
      },
      {
        root,
        plugins: [cloudflareTest({ miniflare: { compatibilityDate: "2026-11-02" } })],
        test: { name: "shared", isolate: false, include: ["test/shared/**/*.test.ts"], testTimeout },
      },
      // One hour of a day is simulated here, all of it by `npm run bench inbox-day`.
      workerd("receiver", {
        DOH_URL: "",
        INBOX_HOURS: process.env.INBOX_HOURS ?? "1",
        KILL_EVERY: process.env.KILL_EVERY ?? "3",
      }),
      // Nothing calls this URL: the sender's tests replace outbound fetch.
      workerd("sender", { WEBHOOK_URL: "http://localhost:9/webhook", DOH_URL: "" }),
      {
        // The pair as it is deployed, each Worker from its own TOML file, in processes, folders and ports of its own.
        root,
        test: {
          ...waiting,
          name: "pair",
          include: ["test/{pair,dev}/**/*.test.ts"],
          setupFiles,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The pages in a real browser, the Workers in processes of their own.
        root,
        test: {
          ...waiting,
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          setupFiles,
          globalSetup: "test/browser/setup.ts",
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
