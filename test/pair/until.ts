import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 50;

/**
 * Resolves to the first result of `check` that is not null. Only for state that a request must ask for; anything that
 * announces itself is awaited instead.
 *
 * @throws Error naming `what` after `deadlineMs`.
 */
export async function until<T>(what: string, check: () => Promise<T | null>, deadlineMs = 30_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const result = await check();
    if (result !== null) return result;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await delay(POLL_MS);
  }
}
