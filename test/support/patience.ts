import { vi } from "vitest";

/**
 * Set-up of every project: waits last until a busy machine has caught up. Vitest gives up after a second, which says
 * more about the machine than about the code.
 */
const TIMEOUT_MS = 15_000;

type Options = { timeout?: number; interval?: number } | number;

const { waitFor, waitUntil } = vi;
const patient = (options: Options = {}) =>
  typeof options === "number" ? options : { timeout: TIMEOUT_MS, ...options };
vi.waitFor = ((check: () => unknown, options?: Options) => waitFor(check, patient(options))) as typeof waitFor;
vi.waitUntil = ((check: () => unknown, options?: Options) => waitUntil(check, patient(options))) as typeof waitUntil;
