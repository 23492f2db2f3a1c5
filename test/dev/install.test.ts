import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root, temporaryFolder } from "../pair/workers.ts";

/** Takes npm's place: writes down its arguments, and ends with the code that the test left in a file. */
const NPM = `
  const fs = require("fs");
  fs.appendFileSync("calls", process.argv.slice(2).join(" ") + "\\n");
  fs.mkdirSync("node_modules", { recursive: true });
  process.exit(Number(fs.readFileSync("code", "utf8")));
`;

let folder: ReturnType<typeof temporaryFolder>;
const path = (name: string) => join(folder.path, name);

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(path("workers/dev"), { recursive: true });
  cpSync(join(root, "workers/dev/install.mjs"), path("workers/dev/install.mjs"));
  writeFileSync(path("npm-cli.js"), NPM);
  writeFileSync(path("package-lock.json"), "{}");
  writeFileSync(path("code"), "0");
});
afterEach(() => folder.remove());

async function install() {
  const env = { ...process.env, npm_execpath: path("npm-cli.js") };
  const child = spawn(process.execPath, [path("workers/dev/install.mjs")], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  const calls = existsSync(path("calls")) ? readFileSync(path("calls"), "utf8").trim().split("\n") : [];
  return { status, stderr, calls };
}

describe("install.mjs", () => {
  test("installs what the lock file says, once", async () => {
    expect(await install()).toMatchObject({ status: 0, calls: [expect.stringMatching(/^ci --no-audit --no-fund/)] });
    expect(await install()).toMatchObject({ status: 0, stderr: "", calls: { length: 1 } });
  });

  test("installs again when the lock file has changed", async () => {
    await install();
    writeFileSync(path("package-lock.json"), '{ "lockfileVersion": 3 }');
    expect(await install()).toMatchObject({ status: 0, calls: { length: 2 } });
  });

  test("an install that failed is not taken for done", async () => {
    writeFileSync(path("code"), "1");
    expect(await install()).toMatchObject({ status: 1, stderr: expect.stringContaining("could not be installed") });
    writeFileSync(path("code"), "0");
    expect(await install()).toMatchObject({ status: 0, calls: { length: 2 } });
  });

  test("two at once install once, and both wait for it", async () => {
    const both = await Promise.all([install(), install()]);
    expect(both).toMatchObject([
      { status: 0, calls: { length: 1 } },
      { status: 0, calls: { length: 1 } },
    ]);
    expect(existsSync(path(".wrangler/installing"))).toBe(false);
  });

  test("one that was killed keeps nobody waiting", async () => {
    const dead = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    await once(dead, "exit");
    mkdirSync(path(".wrangler"));
    writeFileSync(path(".wrangler/installing"), String(dead.pid));
    expect(await install()).toMatchObject({ status: 0, calls: { length: 1 } });
  });
});
