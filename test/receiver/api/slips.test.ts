import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { call, callWith, get, ORIGIN, sendMany, useEmptyStorage } from "../support/harness.ts";

/** Slips in bodies, forms and queries: each is refused by name, and does nothing. */

useEmptyStorage();

const FORWARD_SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const TARGET = "http://localhost:9/hook";

async function told(response: Response) {
  const { code, detail } = await response.json<{ code: string; detail: string }>();
  return { status: response.status, code, detail };
}

async function send(method: string, path: string, body: string) {
  const headers = { "content-type": "application/json" };
  return told(await callWith({ FORWARD_SECRET, DOH_URL: "" }, path, { method, body, headers }));
}

const head = async () => (await get<{ events: { seq: number }[] }>("/events")).events.length;

describe.each<[route: string, body: Record<string, unknown>, code: string]>([
  ["POST /events/1/forward", { url: TARGET }, "invalid_forward"],
  ["DELETE /events", {}, "invalid_input"],
])("the body of %s", (route, body, code) => {
  const [method = "", path = ""] = route.split(" ");

  it("never passes with an unknown member, which the answer names", async () => {
    await sendMany(1, "e");
    const slips = fc.oneof(
      fc.constantFrom("URL", "target_url", "source", "log", "headers", "__proto__"),
      fc.string({ minLength: 1 }).filter((name) => name !== "url"),
    );
    await fc.assert(
      fc.asyncProperty(slips, fc.jsonValue(), async (name, value) => {
        // A literal member: `__proto__` of an object would be its prototype.
        const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
        const answer = await send(method, path, `{${[member, JSON.stringify(body).slice(1, -1)].filter(Boolean)}}`);
        expect([answer.status, answer.code]).toEqual([422, code]);
        expect(answer.detail).toContain(`\`${name}\``);
      }),
      { numRuns: 30 },
    );
    expect(await head()).toBe(1);
  });

  it.each(["null", "[]", '"x"', "1", '{"url":"a","url":"b"}'])("is not %s", async (wrong) => {
    await sendMany(1, "e");
    expect(await send(method, path, wrong)).toMatchObject({ status: 422, code });
    expect(await head()).toBe(1);
  });
});

describe("a form of the viewer", () => {
  it.each([
    ["/clear", { confirm: "yes" }, "sources"],
    ["/clear", { confirm: "yes" }, "Source"],
    ["/clear", { confirm: "yes", source: "default" }, "log"],
    ["/e/1/forward", { url: TARGET }, "uri"],
    ["/session", { token: "wrong" }, "next"],
  ])("%s with %j takes no %s", async (path, fields, slip) => {
    await sendMany(1, "e");
    const body = new URLSearchParams({ ...fields, [slip]: "x" });
    const answer = await told(await call(path, { method: "POST", body, headers: { origin: ORIGIN } }));
    expect(answer).toMatchObject({ status: 422, code: "invalid_input" });
    expect(answer.detail).toContain(`\`${slip}\``);
    expect(await head()).toBe(1);
  });

  it("clears nothing when its source is empty", async () => {
    await sendMany(1, "e");
    const body = new URLSearchParams({ confirm: "yes", source: "" });
    expect((await call("/clear", { method: "POST", body, headers: { origin: ORIGIN } })).status).toBe(422);
    expect(await head()).toBe(1);
  });
});

describe("a query", () => {
  it.each([
    ...["GET /events", "GET /events/1", "GET /events/1/body", "GET /events/export", "GET /events/stream"],
    ...["GET /events/live", "POST /events/1/forward", "DELETE /events", "GET /rejections", "GET /sources"],
    ...["GET /", "GET /e/1", "GET /rejected", "GET /connect", "GET /session", "POST /clear", "POST /e/1/forward"],
  ])("of %s is refused when a parameter is unknown", async (route) => {
    await sendMany(1, "e");
    const [method = "", path = ""] = route.split(" ");
    for (const query of ["colour=red", "Log=main", "log_=main"]) {
      const answer = await told(await call(`${path}?${query}`, { method, headers: { origin: ORIGIN } }));
      expect(answer).toMatchObject({ status: 400, code: "invalid_parameter" });
      expect(answer.detail).toContain(`\`${query.split("=")[0]}\``);
    }
    expect(await head()).toBe(1);
  });
});
