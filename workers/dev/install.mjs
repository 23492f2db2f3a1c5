import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/**
 * Installs the locked packages when they are missing or older than the lock file; otherwise ends at once, without
 * network. Plain JavaScript without packages: this runs before there are any, on the Node that npm runs on.
 */

const root = resolve(fileURLToPath(import.meta.url), "../../..");
const stamp = resolve(root, "node_modules/.installed-from");
/** The pid of the install under way: `npm start` and `npm test` may run at once, or after an interrupted install. */
const mutex = resolve(root, ".wrangler/installing");
const MUTEX_POLL_MS = 200;
/** No install takes this long: the system may have given its pid to another process by then. */
const MUTEX_STALE_MS = 15 * 60_000;

if (Number.parseInt(process.versions.node, 10) < 18) {
  fail(`Node ${process.versions.node} is too old to install the packages: use Node 18 or later.`);
}

// Packages hold binaries of one platform: a checkout that two machines share must not count as installed on both.
const locked = createHash("sha256")
  .update(readFileSync(resolve(root, "package-lock.json")))
  .digest("hex");
const wanted = `${process.platform}-${process.arch} ${locked}\n`;

if (!isInstalled()) {
  await takeMutex();
  // The install that held the mutex may have done the work.
  const status = isInstalled() ? 0 : await npmCi();
  // The stamp is written last, in a folder that `npm ci` deletes first: an interrupted install leaves none.
  if (status === 0) writeFileSync(stamp, wanted);
  rmSync(mutex, { force: true });
  if (status !== 0) fail("The packages could not be installed; npm says why above. Run the same command again.");
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

/** Runs `npm ci`. Resolves to its exit code, null when a signal ended it. */
function npmCi() {
  console.error("Installing the locked packages…");
  // npm would warn about engines by the Node that it runs on; the packages run on the Node that they bring.
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  // npm's own script where npm started this process: on Windows its shim on PATH is a .cmd, which needs a shell.
  const npm = process.env.npm_execpath ?? "";
  const options = { cwd: root, stdio: "inherit" };
  const child = /^npm-cli\.c?js$/.test(basename(npm))
    ? spawn(process.execPath, [npm, ...args], options)
    : spawn("npm", args, { ...options, shell: process.platform === "win32" });
  // npm outlives this process when that is killed, and goes on writing.
  if (child.pid !== undefined) writeFileSync(mutex, String(child.pid));
  return new Promise((settle) => {
    child.once("error", (error) => fail(`npm could not be started: ${error.message}`));
    child.once("exit", settle);
  });
}

async function takeMutex() {
  mkdirSync(resolve(mutex, ".."), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(mutex, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isHeld()) rmSync(mutex, { force: true });
    else if (!waited) console.error("Waiting for another install to end…");
    await delay(MUTEX_POLL_MS);
  }
}

function isHeld() {
  try {
    if (Date.now() - statSync(mutex).mtimeMs > MUTEX_STALE_MS) return false;
    process.kill(Number(readFileSync(mutex, "utf8")), 0);
    return true;
  } catch {
    return false; // The file is gone by now, or its process is.
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
