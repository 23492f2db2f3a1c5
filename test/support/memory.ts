import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Keeps the storage of Workers under test in memory. */

/** The folder that Linux keeps in memory; some containers give it 64 MB. */
const MEMORY = "/dev/shm";
const ROOM_BYTES = 2 * 1024 ** 3;

/** Moves temporary files into memory where there is room: tests throw them away, so no commit must wait for a disk. */
export function storeInMemory(): void {
  if (process.env.TMPDIR !== undefined || !hasRoom(MEMORY)) return;
  const directory = mkdtempSync(join(MEMORY, "webhooks-test-"));
  process.env.TMPDIR = directory;
  // A Worker's process that was killed leaves its files behind.
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
}

function hasRoom(path: string): boolean {
  if (!existsSync(path)) return false;
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize >= ROOM_BYTES;
}
