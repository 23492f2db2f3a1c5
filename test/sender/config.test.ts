import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { app } from "../../workers/sender/app.ts";
import { configOf } from "../../workers/sender/config.ts";
import { bindings } from "./support.ts";

const health = (changes: object) => app.fetch(new Request("http://localhost:5000/health"), { ...bindings, ...changes });

function faultOf(changes: object): string {
  try {
    configOf({ ...bindings, ...changes });
    return "none";
  } catch (error) {
    return String((error as Error).message);
  }
}

describe("/health", () => {
  it.each([
    { RETRY_SECONDS: "abc" },
    { WEBHOOK_URL: "ftp://x" },
    { DOH_URL: "garbage" },
    { PERIODIC_SECONDS: "0.0001" },
    { PERIODIC_SECONDS: "-1" },
    { API_TOKEN: "short" },
    { LOCAL_DEV: "yes" },
    { WEBHOOK_SECRET: "whsec_c2hvcnQ=" },
    { RETENTION_DAYS: "3651" },
    { OUTBOX: undefined, API_TOKEN: "" },
  ])("fails with %j", async (changes) => {
    const response = await health(changes);
    expect([response.status, await response.json()]).toMatchObject([500, { code: "configuration_error" }]);
  });

  it("is ok with the variables as they are", async () => {
    expect((await health({})).status).toBe(200);
  });
});

describe("configOf", () => {
  it.each<[name: string, wrong: string[], fine: string[]]>([
    [
      "WEBHOOK_URL",
      [...["ftp://x", "x", "localhost:8080", "http://example.com/", "https://10.0.0.1/", "https://a:b@example.com/"]],
      ["", "https://example.com/hook", "http://localhost:9/webhook"],
    ],
    ["DOH_URL", ["garbage", "http://dns.example/"], ["", "https://dns.example/dns-query"]],
    ["RECEIVER_URL", ["javascript:alert(1)", "http://in.example"], ["", "https://in.example", "http://localhost:8080"]],
    ["PERIODIC_SECONDS", ["0.0001", "-1", "86401", "1e3", "a"], ["0", "1", "86400", ""]],
    ["RETENTION_DAYS", ["0", "3651", "1.5", "30d"], ["1", "3650"]],
    [
      "RETRY_SECONDS",
      ["abc", "5 abc", "5,300", "-1", "5 -1", "2592001", "1e3", "0.0001", "1 ".repeat(101), "Infinity"],
      ["5", " 5  300 ", "0", "0.3 0.3", "2592000", ""],
    ],
    ["ALERT_URL", ["ftp://x", "http://example.com/", "https://10.0.0.1/"], ["", "https://example.com/hook"]],
    ["ALERT_FORMAT", ["Slack", "email"], ["slack", "discord", "teams", "standard", ""]],
    [
      "ALERT_RULES",
      [
        "failing",
        "failing 10081",
        "dead 1",
        "dead, dead",
        "storage 101",
        "storage 0",
        "dead,",
        "toString",
        "none, dead",
      ],
      ["none", "failing 0", "dead", " storage 100 ,disabled", "failing 10, dead, disabled, storage 70", ""],
    ],
    ["LEASE_SECONDS", ["0", "3601", "x"], ["1", "3600"]],
    ["STORAGE_LIMIT_MB", ["0", "10001", "1GB"], ["1", "10000"]],
    ["LOCAL_DEV", ["TRUE", "1", "yes"], ["true"]],
    ["API_TOKEN", ["", "x".repeat(23), "with space in the middle of it"], ["x".repeat(24)]],
    ["WEBHOOK_SECRET", ["", " ", "secret", "whsec_c2hvcnQ="], ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]],
  ])("judges %s", (name, wrong, fine) => {
    for (const text of wrong) expect([text, faultOf({ [name]: text })]).toEqual([text, expect.stringContaining(name)]);
    for (const text of fine) expect([text, faultOf({ [name]: text })]).toEqual([text, "none"]);
  });

  it("calls no http URL of this machine when deployed", () => {
    expect(faultOf({ LOCAL_DEV: "false", WEBHOOK_URL: "http://localhost:9/" })).toContain("WEBHOOK_URL");
  });

  it("takes delays as they were written, or names them, whatever they are", () => {
    const delays = fc.array(fc.oneof(fc.nat(3_000_000).map(String), fc.string(), fc.double().map(String)));
    fc.assert(
      fc.property(delays, (parts) => {
        const RETRY_SECONDS = parts.join(" ");
        if (faultOf({ RETRY_SECONDS }) !== "none") return;
        const { retryMs } = configOf({ ...bindings, RETRY_SECONDS });
        expect(retryMs.length).toBeGreaterThan(0);
        expect(retryMs.every((ms) => Number.isInteger(ms) && ms >= 0 && ms <= 2_592_000_000)).toBe(true);
      }),
    );
  });
});
