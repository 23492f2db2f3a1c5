import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Limit } from "./support/limits.ts";
import { print } from "./support/tools.ts";

/** `npm run bench inbox-day`: a whole day of 10 events a second through the Inbox, in moved time. */

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
/** The lines with numbers, among the tests' names and the Worker's log. */
const TOLD = /^(\d+ events:|puts on that day:|rows an event at)/;
const NUMBERS = "test/receiver/inbox/a-day.test.ts";

/** Runs the gate's test of one hour for a whole day. */
export async function measureInboxDay(): Promise<Limit[]> {
  const args = ["run", "--config", "test/vitest.config.ts", "--project", "receiver", "--silent=false", NUMBERS];
  const env = { ...process.env, INBOX_HOURS: "24", NO_COLOR: "1" };
  const vitest = join(ROOT, "node_modules/.bin/vitest");
  const options = { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 };
  const ended = await run(vitest, args, options).catch((error: { stdout: string }) => error);
  const lines = ended.stdout.split("\n").map((line) => line.trim());
  for (const line of lines) if (TOLD.test(line)) print(line);
  const [failure] = lines.filter((line) => line.startsWith("AssertionError"));
  const what = `rows, puts and size of a day${failure === undefined ? "" : `, ${failure}`}`;
  return [{ what, value: ended instanceof Error ? 1 : 0, atMost: 0, unit: " failures" }];
}
