import { reset } from "cloudflare:test";
import { beforeAll, vi } from "vitest";

/** Set-up of each file in workerd: files take turns in one isolate, and this one begins with nothing of the last. */

beforeAll(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});
