import { expect, test } from "vitest";
import { gone, useOwnPairs } from "./npm-start.ts";

/** `npm start` that ends before it runs: by a signal, by a Worker's end, by a variable that is wrong. */

const startPair = useOwnPairs();

test.each([
  ["SIGTERM", 0],
  ["SIGHUP", 0],
  ["SIGKILL", null],
] as const)("%s while it starts leaves no process behind", async (signal, code) => {
  const { starting, processes } = await startPair();
  starting.signal(signal);
  expect(await starting.exited).toBe(code);
  await gone(processes);
});

test("ends with 1, saying which, when a Worker ends by itself", async () => {
  const { starting, processes } = await startPair();
  for (const pid of processes) process.kill(pid, "SIGKILL");
  expect(await starting.exited).toBe(1);
  expect(starting.lines.at(-1)).toMatch(/^The receiver did not start: /);
  await gone(processes);
});

test.each([
  ["receiver", "FLUSH_SECONDS", "often"],
  ["sender", "PERIODIC_SECONDS", "-1"],
])("ends with 1 at the first answer when a variable of the %s is wrong: %s=%s", async (worker, name, value) => {
  const { starting, processes } = await startPair({ [name]: value });
  expect(await starting.exited).toBe(1);
  const said = new RegExp(`^The ${worker} did not start: it is not configured correctly: .*${name}`);
  expect(starting.lines.at(-1)).toMatch(said);
  await starting.printed(new RegExp(`^${worker} +\\| .*"configuration.error".*${name}`));
  expect(starting.lines.filter((line) => line.includes("configuration.error"))).toHaveLength(1);
  await gone(processes);
});
