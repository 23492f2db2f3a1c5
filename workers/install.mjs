import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Installs the locked packages when they are missing or older than the lock file; otherwise returns at once,
 * without network. Plain JavaScript without packages: it runs before there are any, on the Node that npm has.
 */
const root = resolve(fileURLToPath(import.meta.url), "../..");
const stamp = resolve(root, "node_modules/.installed-from");

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (Number.parseInt(process.versions.node, 10) < 18) {
  fail(`Node ${process.versions.node} is too old to install the packages: use Node 18 or later.`);
}

// Packages hold binaries of one platform: a checkout shared by two machines must not pass for installed.
const lock = createHash("sha256")
  .update(readFileSync(resolve(root, "package-lock.json")))
  .digest("hex");
const wanted = `${process.platform}-${process.arch} ${lock}\n`;

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
  console.error("Installing the locked packages…");
  // npm's own script where npm started us: its shim on PATH is a .cmd on Windows, which only a shell can run.
  const npm = process.env.npm_execpath ?? "";
  // npm warns of engines by the Node that runs it; the packages run on the Node among them.
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = /^npm-cli\.c?js$/.test(basename(npm))
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: "inherit" })
    : spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) fail("The packages could not be installed; npm says why above. Run the same command again.");
  // Last, and inside what `npm ci` deletes first: an interrupted install leaves no stamp.
  writeFileSync(stamp, wanted);
}
