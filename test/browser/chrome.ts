import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Names that packages of Linux distributions give the browser, the fastest first: one without windows takes half the time. */
const NAMES = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "chrome",
];
/** Places where the browser is without being on PATH. */
const PLACES = [
  "/usr/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * Returns the path of the installed Chromium or Chrome; null if there is none.
 *
 * @throws Error when `CHROME_PATH` names a file that cannot be run: skipping then would hide a mistake.
 */
export function findChrome(env: NodeJS.ProcessEnv, places: readonly string[] = PLACES): string | null {
  const given = env.CHROME_PATH;
  if (given) {
    if (canRun(given)) return given;
    throw new Error(`CHROME_PATH is ${JSON.stringify(given)}: nothing there can be run.`);
  }
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const named = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...named, ...places].find(canRun) ?? null;
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
