import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join, resolve } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const root = resolve(import.meta.dirname, "..");

/** The variables of every Worker under test: no `.dev.vars` is needed, and none may change what a test sees. */
const bindings = {
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", // the specification's example
  API_TOKEN: "test-token",
  LOCAL_DEV: "true",
};

const testTimeout = 20_000; // two cores, several suites at once

// Where a variable is required, wrangler looks for it here and warns when it is missing.
Object.assign(process.env, { WEBHOOK_SECRET: bindings.WEBHOOK_SECRET, API_TOKEN: bindings.API_TOKEN });

/** Where Linux keeps files in memory; some containers give it 64 MB. */
const MEMORY = "/dev/shm";
const ROOM_BYTES = 2 * 1024 ** 3;

// What Workers under test store is thrown away: no commit of theirs needs to wait for a disk.
if (process.env.TMPDIR === undefined && hasRoom(MEMORY)) {
  const directory = mkdtempSync(join(MEMORY, "webhooks-test-"));
  process.env.TMPDIR = directory;
  // A Worker's process that was killed has left its files.
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
}

function hasRoom(path: string): boolean {
  if (!existsSync(path)) return false;
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize >= ROOM_BYTES;
}

function workerd(name: "sender" | "receiver", vars: Record<string, string> = {}) {
  return {
    root,
    plugins: [
      cloudflareTest({
        wrangler: { configPath: `${root}/wrangler.${name}.toml` },
        miniflare: { bindings: { ...bindings, ...vars } },
      }),
    ],
    test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout },
  };
}

export default defineConfig({
  root,
  test: {
    silent: "passed-only", // the Workers log each event they handle
    maxWorkers: 2, // most of the time is spent waiting, so also on two cores
    projects: [
      {
        root,
        plugins: [cloudflareTest({ miniflare: { compatibilityDate: "2026-11-02" } })],
        test: { name: "shared", include: ["test/shared/**/*.test.ts"], testTimeout },
      },
      // One hour of a day is simulated here, all of it by `npm run bench inbox-day`.
      workerd("receiver", { DOH_URL: "", INBOX_HOURS: process.env.INBOX_HOURS ?? "1" }),
      // Never reached: the sender's tests replace outbound fetch.
      workerd("sender", { WEBHOOK_URL: "http://localhost:9/webhook", DOH_URL: "" }),
      {
        // The pair as it is deployed, each Worker from its own TOML file, in processes of their own.
        root,
        test: {
          name: "pair",
          environment: "node",
          include: ["test/pair/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        // The pages in a real browser, the Workers in processes of their own.
        root,
        test: {
          name: "browser",
          environment: "node",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: "test/browser/setup.ts",
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
