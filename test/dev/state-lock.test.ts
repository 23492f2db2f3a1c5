import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root, temporaryFolder } from "../pair/workers.ts";

/** The lock on the local state, each holder a process of its own. */

let folder: ReturnType<typeof temporaryFolder>;
const holders: ChildProcess[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  for (const holder of holders.splice(0)) holder.kill("SIGKILL");
  folder.remove();
});

/** Starts a process that takes the lock and keeps it; resolves to what it says about that. */
async function take(path: string): Promise<{ holder: ChildProcess; said: string; warned: string }> {
  const lock = JSON.stringify(join(root, "workers/dev/state-lock.ts"));
  const script = `
    const { lockState } = await import(${lock});
    await lockState(process.argv[1]).then(() => console.log("taken"), (error) => console.log(error.message));
    setTimeout(() => {}, 60_000);
  `;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script, path]);
  holders.push(holder);
  const warned = text(holder.stderr);
  const [said] = await once(holder.stdout, "data");
  const line = String(said).trim();
  if (line !== "taken") holder.kill();
  return { holder, said: line, warned: line === "taken" ? "" : await warned };
}

const inUse = (pid: number | undefined) =>
  `${folder.path} is in use by another \`npm start\` (process ${pid}). Stop that one, or set STATE_DIR to another folder.`;

test("one of many at once has the state, and the others say which", async () => {
  const all = await Promise.all(Array.from({ length: 6 }, () => take(folder.path)));
  const [winner, ...more] = all.filter(({ said }) => said === "taken");
  expect(more).toEqual([]);
  for (const { said, warned } of all.filter((each) => each !== winner)) {
    expect(said.replace(/ \(process \d+\)/, "")).toBe(inUse(0).replace(" (process 0)", ""));
    expect(warned).toBe("");
  }
  expect((await take(folder.path)).said).toBe(inUse(winner?.holder.pid));
});

test.each(["SIGKILL", "SIGTERM"] as const)("%s of its holder gives the state back", async (signal) => {
  const { holder, said } = await take(folder.path);
  expect(said).toBe("taken");
  holder.kill(signal);
  await once(holder, "exit");
  expect((await take(folder.path)).said).toBe("taken");
});

test("the same folder by another path is the same state", async () => {
  mkdirSync(join(folder.path, "state"));
  symlinkSync(join(folder.path, "state"), join(folder.path, "link"));
  const { holder } = await take(join(folder.path, "state"));
  expect((await take(join(folder.path, "link"))).said).toContain(`(process ${holder.pid})`);
});

test("a folder that cannot be used is named", async () => {
  writeFileSync(join(folder.path, "file"), "");
  expect((await take(join(folder.path, "file"))).said).toMatch(/^STATE_DIR is ".*\/file", which cannot be used: /);
});
