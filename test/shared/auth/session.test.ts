import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { endSession, hasCookie, hasSession, SESSION_SECONDS, type SessionScope } from "../../../shared/auth/session.ts";
import { sentCookie, sessionCookie } from "../../support/session.ts";

const NOW = 1_800_000_000_000;
const scope = { worker: "sender", apiToken: "s3cret", localDev: false };
const NAME = "__Host-webhook-sender";

/** Returns how a request with this cookie is judged. */
async function ask(cookie: string, who: SessionScope, now: number) {
  const app = new Hono().get("/", async (c) =>
    c.json({ session: await hasSession(c, who, now), cookie: hasCookie(c, who) }),
  );
  return (await app.request("/", { headers: { cookie } })).json<{ session: boolean; cookie: boolean }>();
}

describe("hasSession", () => {
  const later = (seconds: number) => NOW + seconds * 1000;
  const cases: [name: string, change: (value: string) => string, who: typeof scope, now: number, valid: boolean][] = [
    ["as issued", (value) => value, scope, NOW, true],
    ["in its last second", (value) => value, scope, later(SESSION_SECONDS) - 1, true],
    ["expired", (value) => value, scope, later(SESSION_SECONDS), false],
    ["another worker's", (value) => value, { ...scope, worker: "receiver" }, NOW, false],
    ["after the token was rotated", (value) => value, { ...scope, apiToken: "s3cret2" }, NOW, false],
    ["with a later end", (value) => value.replace(/^\d+/, (end) => String(Number(end) + 1)), scope, NOW, false],
    ["with a leading zero", (value) => `0${value}`, scope, NOW, false],
    ["with another signature", (value) => value.replace(/\..{2}/, ".AA"), scope, NOW, false],
    ["without a signature", (value) => value.replace(/\..*/, "."), scope, NOW, false],
    ["with its end alone", (value) => value.replace(/\..*/, ""), scope, NOW, false],
    ["with something after", (value) => `${value}A`, scope, NOW, false],
    ["with a line break after", (value) => `${value}%0A`, scope, NOW, false],
    ["with a sign", (value) => `-${value}`, scope, NOW, false],
    ["empty", () => "", scope, NOW, false],
    ["the token itself", () => "s3cret", scope, NOW, false],
  ];
  it.each(cases)("%s", async (_name, change, who, now, valid) => {
    const [, value = ""] = /=(.*)$/.exec(await sentCookie(scope, NOW)) ?? [];
    const cookie = `__Host-webhook-${who.worker}=${change(value)}`;
    expect(await ask(cookie, who, now)).toEqual({ session: valid, cookie: true });
  });

  it("reads no cookie of another Worker, nor of local development", async () => {
    for (const who of [
      { ...scope, worker: "receiver" },
      { ...scope, localDev: true },
    ]) {
      expect(await ask(await sentCookie(scope, NOW), who, NOW)).toEqual({ session: false, cookie: false });
    }
  });
});

describe("startSession", () => {
  it("sets a cookie that holds nothing but its end and a signature", async () => {
    const value = /^__Host-webhook-sender=1800043200\.[A-Za-z0-9%]{43,}%3D$/;
    expect(await sentCookie(scope, NOW)).toMatch(value);
  });

  it.each([
    [false, `${NAME}=v; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=Strict`],
    [true, "webhook-sender=v; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict"],
  ])("keeps it from scripts, other sites and, local: %s, from plain HTTP", async (localDev, expected) => {
    const cookie = await sessionCookie({ ...scope, localDev }, NOW);
    expect(cookie.replace(/=[^;]*/, "=v")).toBe(expected);
  });
});

describe("endSession", () => {
  it.each([
    [false, `${NAME}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict`],
    [true, "webhook-sender=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"],
  ])("deletes the cookie, local: %s", async (localDev, expected) => {
    const app = new Hono().get("/", (c) => {
      endSession(c, { ...scope, localDev });
      return c.body(null);
    });
    expect((await app.request("/")).headers.get("set-cookie")).toBe(expected);
  });
});
