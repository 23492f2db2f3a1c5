import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The project's files as these tests read them: by their paths from the root, without what is installed or made. */

export const ROOT = resolve(import.meta.dirname, "../..");

/** Folders without files of this project, and the vectors, which others wrote. */
const SKIPPED = new Set(["node_modules", ".wrangler", "vectors"]);

export const SOURCE = /\.(tsx?|mjs|js|css)$/;

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Returns the paths of all files below a folder, in order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.has(name))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}

/** Every README, the front page first. */
export const READMES = [
  "README.md",
  ...["workers", "shared", "test"].flatMap(filesBelow).filter((path) => path.endsWith("/README.md")),
];
