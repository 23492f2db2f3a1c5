import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import type { Rejection } from "../../../workers/receiver/rejected/rejection.ts";
import { call, callWith, get, inbox, rowsWritten, SECOND, setTime, useLaterTime } from "../support/harness.ts";

/** Requests below `/webhook` that no source takes: another path, or another method. */

type Listed = { rejections: (Omit<Rejection, "at"> & { at: string })[]; counts: Record<string, number> };

const SOURCES = {
  hook: { scheme: "none", log: "internal" },
  dropbox: { scheme: "dropbox", secrets: ["DROPBOX"] },
};
const changes = { DROPBOX: "a secret", SOURCES } as unknown as Partial<Env>;

const began = useLaterTime();

const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  callWith(changes, path, { method, headers, ...(method === "POST" || method === "PUT" ? { body: "{}" } : {}) });

async function onlyRejection(): Promise<Listed["rejections"][number] | undefined> {
  const { rejections } = await get<Listed>("/rejections");
  expect(rejections.length).toBeLessThan(2);
  return rejections[0];
}

describe("a request below /webhook that no source takes", () => {
  const cases: [method: string, path: string, status: number, reason: string, code: string | null][] = [
    ["POST", "/webhook/Hook", 404, "unknown_source", "other_name"],
    ["POST", "/webhook/DropBox/", 404, "unknown_source", "other_name"],
    ["POST", "/webhook/nobody", 404, "unknown_source", null],
    ["POST", "/webhook/hook/deeper?a=1", 404, "unknown_source", null],
    ["GET", "/webhook/constructor", 404, "unknown_source", null],
    ["HEAD", "/webhook/nobody", 404, "unknown_source", null],
    ["PUT", "/webhook/hook", 405, "method_not_allowed", null],
    ["GET", "/webhook/hook/", 405, "method_not_allowed", null],
    ["DELETE", "/webhook", 405, "method_not_allowed", null],
    ["OPTIONS", "/webhook/dropbox", 405, "method_not_allowed", null],
  ];
  it.each(cases)("is kept under no source: %s %s", async (method, path, status, reason, code) => {
    expect((await ask(method, path)).status).toBe(status);
    const rejection = await onlyRejection();
    expect(rejection).toMatchObject({ source: null, reason, method, bytes: null, diagnosis: code && { code } });
    expect(`${rejection?.path}${rejection?.query === null ? "" : `?${rejection?.query}`}`).toBe(path);
    expect((await get<Listed>("/rejections?source=hook")).rejections).toEqual([]);
    expect((await get<Listed>("/rejections")).counts).toEqual({ "": 1 });
    const page = await (await call("/rejected")).text();
    expect(page).toContain(`${method} ${path}`);
    expect(page).toContain("no source");
  });

  it("is shown without the secrets in its headers and its query, and no longer than others", async () => {
    await ask("POST", `/webhook/${"x".repeat(5000)}?token=s3cr3t&a=${"y".repeat(5000)}`, { "x-shop-token": "s3cr3t" });
    const text = JSON.stringify(await onlyRejection());
    expect(text).not.toContain("s3cr3t");
    expect(text).toContain("token=(masked)");
    expect(text.length).toBeLessThan(4096);
  });

  it("hides nothing of the sources, and makes none", async () => {
    await ask("POST", "/webhook/nobody");
    const { sources } = await (await callWith(changes, "/sources")).json<{ sources: { name: string }[] }>();
    expect(sources.map(({ name }) => name).sort()).toEqual(["default", "dropbox", "hook"]);
  });

  it("costs a few rows in a flood, and is counted", async () => {
    await ask("POST", "/webhook/nobody");
    const before = await rowsWritten();
    await Promise.all(Array.from({ length: 300 }, (_, i) => ask("GET", `/webhook/nobody-${i}`)));
    setTime(began() + 2 * SECOND);
    await ask("POST", "/webhook/nobody");
    await vi.waitFor(async () => expect((await get<Listed>("/rejections")).counts).toEqual({ "": 302 }));
    expect((await get<Listed>("/rejections")).rejections.length).toBeLessThanOrEqual(6);
    expect((await rowsWritten()) - before).toBeLessThanOrEqual(2);
  });

  it("is not kept outside of /webhook", async () => {
    await ask("POST", "/webhooks/hook");
    await ask("PUT", "/events");
    expect(await onlyRejection()).toBeUndefined();
  });
});

describe("a slash at the end", () => {
  it.each(["/webhook/hook/", "/webhook/hook"])("is no part of a source's name: %s", async (path) => {
    expect((await ask("POST", path)).status).toBe(200);
    expect(await (await callWith(changes, "/events?log=internal")).json()).toMatchObject({
      events: [{ source: "hook" }],
    });
  });

  it("names the default source after /webhook, too", async () => {
    expect((await ask("POST", "/webhook/")).status).toBe(401);
    await vi.waitFor(async () => expect(await onlyRejection()).toMatchObject({ source: "default" }));
  });
});

describe("HEAD", () => {
  it.each(["/webhook", "/webhook/", "/webhook/hook", "/webhook/hook/", "/webhook/dropbox?challenge=1"])(
    "of %s says that the URL is there, and logs nothing",
    async (path) => {
      const response = await ask("HEAD", path);
      expect([response.status, await response.text()]).toEqual([200, ""]);
      expect(await onlyRejection()).toBeUndefined();
      expect((await inbox().status()).head).toBe(0);
    },
  );

  it("of any other name is 404", async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[a-zA-Z0-9._~-]{1,20}$/), async (name) => {
        const status = name === "hook" || name === "dropbox" ? 200 : 404;
        if (name === "." || name === "..") return;
        expect((await ask("HEAD", `/webhook/${name}`)).status).toBe(status);
      }),
      { numRuns: 20, examples: [["default2"]] },
    );
  });
});
