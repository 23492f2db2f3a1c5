import { describe, expect, it } from "vitest";
import { cookieName, isSession, issueSession, SESSION_SECONDS, sessionCookie } from "../../../shared/auth/session.ts";

const NOW = 1_800_000_000_000;
const scope = { worker: "sender", apiToken: "s3cret" };

describe("isSession", () => {
  const later = (seconds: number) => NOW + seconds * 1000;
  const cases: [name: string, change: (value: string) => string, who: typeof scope, now: number, valid: boolean][] = [
    ["as issued", (value) => value, scope, NOW, true],
    ["in its last second", (value) => value, scope, later(SESSION_SECONDS) - 1, true],
    ["expired", (value) => value, scope, later(SESSION_SECONDS), false],
    ["another worker's", (value) => value, { ...scope, worker: "receiver" }, NOW, false],
    ["after the token was rotated", (value) => value, { ...scope, apiToken: "s3cret2" }, NOW, false],
    ["with a later end", (value) => value.replace(/^\d+/, (end) => String(Number(end) + 1)), scope, NOW, false],
    ["with a leading zero", (value) => `0${value}`, scope, NOW, false],
    ["with another signature", (value) => value.replace(/.$/, (last) => (last === "A" ? "E" : "A")), scope, NOW, false],
    ["without a signature", (value) => value.replace(/\..*/, "."), scope, NOW, false],
    ["with something after", (value) => `${value}A`, scope, NOW, false],
    ["with a line break after", (value) => `${value}\n`, scope, NOW, false],
    ["with a sign", (value) => `-${value}`, scope, NOW, false],
    ["empty", () => "", scope, NOW, false],
    ["the token itself", () => "s3cret", scope, NOW, false],
  ];
  it.each(cases)("%s", async (_name, change, who, now, valid) => {
    expect(await isSession(change(await issueSession(scope, NOW)), who, now)).toBe(valid);
  });
});

describe("issueSession", () => {
  it("holds nothing but its end and a signature", async () => {
    expect(await issueSession(scope, NOW)).toMatch(/^1800043200\.[\w-]{43}$/);
  });
});

describe("sessionCookie", () => {
  it.each([
    ["v", false, "__Host-webhook-sender=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"],
    ["v", true, "webhook-sender=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"],
    ["", false, "__Host-webhook-sender=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"],
  ])("of %j, local: %s", (value, local, expected) => {
    expect(sessionCookie(value, { worker: "sender", local })).toBe(expected);
  });
});

describe("cookieName", () => {
  it("differs between the Workers, which cookies tell apart by name alone", () => {
    expect(cookieName("sender", true)).not.toBe(cookieName("receiver", true));
  });
});
