import { describe, expect, it } from "vitest";
import { configOf } from "../../../workers/receiver/config.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { env } from "../support/harness.ts";

describe("configOf", () => {
  it("parses an environment once", () => {
    expect(configOf(env)).toBe(configOf(env));
    expect(configOf(env)).toMatchObject({
      localDev: true,
      flushMs: 300_000,
      graceMs: 300_000,
      retentionMs: 2_592_000_000,
    });
  });

  it("takes several secrets, separated by spaces", () => {
    const { sources } = configOf({ ...env, WEBHOOK_SECRET: " a  b " });
    expect(sources.get("default")?.secrets).toEqual(["a", "b"]);
  });

  it("names everything that is missing or malformed at once", () => {
    const broken = { RETENTION_DAYS: "soon", MAX_BODY_BYTES: "9999999", LOCAL_DEV: "yes" } as unknown as Env;
    const names = ["INBOX", "EVENTS", "API_TOKEN", "WEBHOOK_SECRET", "RETENTION_DAYS", "MAX_BODY_BYTES", "LOCAL_DEV"];
    let message = "";
    try {
      configOf(broken);
    } catch (error) {
      message = String(error);
    }
    expect(names.filter((name) => !message.includes(name))).toEqual([]);
    expect(() => configOf(broken)).toThrow();
  });
});
