import { describe, expect, it } from "vitest";
import { withDeadline } from "../../shared/deadline.ts";

const HOUR_MS = 3_600_000;

describe("withDeadline", () => {
  it("gives what arrives in time", async () => {
    expect(await withDeadline(Promise.resolve(1), HOUR_MS)).toBe(1);
    await expect(withDeadline(Promise.reject(new Error("refused")), HOUR_MS)).rejects.toThrow("refused");
  });

  it("rejects what does not", async () => {
    await expect(withDeadline(new Promise(() => {}), 1)).rejects.toThrow("no answer within 1 ms");
  });
});
