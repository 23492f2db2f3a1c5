import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/**
 * Installs the locked packages when they are missing or older than the lock file; otherwise returns at once,
 * without network. Plain JavaScript without packages: it runs before there are any, on the Node that npm has.
 */
const root = resolve(fileURLToPath(import.meta.url), "../../..");
const stamp = resolve(root, "node_modules/.installed-from");
/** Holds the pid of the install under way: `npm start` and `npm test` may come at once, or after an interrupted one. */
const mutex = resolve(root, ".wrangler/installing");
const MUTEX_POLL_MS = 200;
/** A pid is given out again some day; no install takes this long. */
const MUTEX_STALE_MS = 15 * 60_000;

if (Number.parseInt(process.versions.node, 10) < 18) {
  fail(`Node ${process.versions.node} is too old to install the packages: use Node 18 or later.`);
}

// Packages hold binaries of one platform: a checkout shared by two machines must not pass for installed.
const locked = createHash("sha256")
  .update(readFileSync(resolve(root, "package-lock.json")))
  .digest("hex");
const wanted = `${process.platform}-${process.arch} ${locked}\n`;

if (!isInstalled()) {
  await takeMutex();
  // Whoever had it may have done the work.
  const status = isInstalled() ? 0 : await npmCi();
  // Last, and inside what `npm ci` deletes first: an interrupted install leaves no stamp.
  if (status === 0) writeFileSync(stamp, wanted);
  rmSync(mutex, { force: true });
  if (status !== 0) fail("The packages could not be installed; npm says why above. Run the same command again.");
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

/** Resolves to npm's exit code, null when a signal ended it. */
function npmCi() {
  console.error("Installing the locked packages…");
  // npm warns of engines by the Node that runs it; the packages run on the Node among them.
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  // npm's own script where npm started us: its shim on PATH is a .cmd on Windows, which only a shell can run.
  const npm = process.env.npm_execpath ?? "";
  const options = { cwd: root, stdio: "inherit" };
  const child = /^npm-cli\.c?js$/.test(basename(npm))
    ? spawn(process.execPath, [npm, ...args], options)
    : spawn("npm", args, { ...options, shell: process.platform === "win32" });
  // It outlives this process when that is killed, and goes on writing.
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
    return false; // gone meanwhile, or its process is
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
