import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The lock on the folder of the local state. Two engines on one folder would each keep a log of their own in memory and
 * damage the one on disk. The lock is SQLite's on a file of its own: the system gives it back when its holder ends,
 * however that happens.
 */

const LOCK_FILE = "npm-start.lock";
const PID_FILE = "npm-start.pid";
/** SQLite's code for a lock that another has. */
const SQLITE_BUSY = 5;

/**
 * Takes the lock until this process ends.
 *
 * @throws Error in one line that says who has it, or why the folder cannot be used.
 */
export async function lockState(stateDir: string): Promise<void> {
  const { DatabaseSync } = await loadSqlite();
  const pidFile = join(stateDir, PID_FILE);
  try {
    mkdirSync(stateDir, { recursive: true });
    const database = new DatabaseSync(join(stateDir, LOCK_FILE));
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(pidFile, String(process.pid));
    // Kept for as long as the process runs: a database that is collected gives its lock back.
    process.once("exit", () => {
      rmSync(pidFile, { force: true });
      database.close();
    });
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) {
      throw new Error(`STATE_DIR is ${JSON.stringify(stateDir)}, which cannot be used: ${(error as Error).message}`);
    }
    const holder = `another \`npm start\`${pidOf(pidFile)}`;
    throw new Error(`${stateDir} is in use by ${holder}. Stop that one, or set STATE_DIR to another folder.`);
  }
}

function pidOf(path: string): string {
  try {
    return ` (process ${Number(readFileSync(path, "utf8"))})`;
  } catch {
    return "";
  }
}

/** Loads Node's SQLite without the line that calls it experimental: nothing but its lock is used. */
async function loadSqlite() {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return await import("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
