import { describe, expect, it } from "vitest";
import { configOf } from "../../../workers/receiver/config.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { callWith, env } from "../support/harness.ts";

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

  it.each<[name: string, wrong: string[], fine: string[]]>([
    ["DOH_URL", ["garbage", "http://dns.example/"], ["", "https://dns.example/dns-query"]],
    ["SENDER_URL", ["javascript:alert(1)", "http://out.example"], ["", "https://out.example", "http://localhost:5000"]],
    ["RETENTION_DAYS", ["0", "3651", "1.5", "30d"], ["1", "3650"]],
    ["FLUSH_SECONDS", ["0", "86401", "0.5", "-1"], ["1", "86400"]],
    ["GRACE_SECONDS", ["-1", "86401", "x"], ["0", "86400"]],
    ["MAX_BODY_BYTES", ["0", "1572865", "1.5", "1MB"], ["1", "1572864"]],
    ["SCAN_BYTES", ["0", "26214401", "x"], ["1", "26214400"]],
    ["STORAGE_LIMIT_MB", ["0", "10001"], ["1", "10000"]],
    ["LOCAL_DEV", ["TRUE", "1"], ["true", "false", ""]],
    ["API_TOKEN", ["", "x".repeat(23)], ["x".repeat(24)]],
    ["SOURCES", ["[", "1"], ["", "{}"]],
  ])("judges %s", (name, wrong, fine) => {
    for (const text of wrong) expect(() => configOf({ ...env, [name]: text }), text).toThrow(name);
    for (const text of fine) expect(() => configOf({ ...env, [name]: text }), text).not.toThrow();
  });

  it.each([{ DOH_URL: "garbage" }, { RETENTION_DAYS: "soon" }, { FLUSH_SECONDS: "-1" }, { API_TOKEN: "short" }])(
    "fails /health with %j",
    async (changes) => {
      const response = await callWith(changes, "/health");
      expect([response.status, await response.json()]).toMatchObject([500, { code: "configuration_error" }]);
    },
  );
});
