import type { TestProject } from "vitest/node";
import { findChrome } from "./chrome.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Path of the browser to test with; null skips these tests. */
    chrome: string | null;
  }
}

/** Runs once before all browser tests, outside of what vitest silences: a skip must be seen. */
export function setup(project: TestProject): void {
  const chrome = findChrome(process.env);
  project.provide("chrome", chrome);
  if (chrome === null) {
    process.stderr.write("Browser tests skipped: no Chromium or Chrome found (install one, or set CHROME_PATH).\n");
  }
}
