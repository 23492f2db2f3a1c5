import { describe, expect, it } from "vitest";
import { app } from "../../../workers/receiver/app.ts";
import { call, callWith, env, send, signed, useEmptyStorage } from "../support/harness.ts";

useEmptyStorage();

describe("app", () => {
  const statuses: [method: string, path: string, status: number, code: string][] = [
    ["GET", "/events/1", 404, "not_found"],
    ["GET", "/events/1/body", 404, "not_found"],
    ["GET", "/events/0", 404, "not_found"],
    ["GET", "/events/01", 404, "not_found"],
    ["GET", "/events/msg_1", 404, "not_found"],
    ["GET", "/events/9999999999999999", 404, "not_found"],
    ["GET", "/events/1/", 404, "not_found"],
    ["GET", "/nothing", 404, "not_found"],
    ["POST", "/webhook/unknown", 404, "unknown_source"],
    ["POST", "/events", 405, "method_not_allowed"],
    ["DELETE", "/events/1", 405, "method_not_allowed"],
    ["PUT", "/events/1/body", 405, "method_not_allowed"],
    ["POST", "/health", 405, "method_not_allowed"],
    ["POST", "/", 405, "method_not_allowed"],
  ];
  it.each(statuses)("%s %s: %i", async (method, path, status, code) => {
    const response = await call(path, { method });
    expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
    expect(await response.json()).toMatchObject({ code });
  });

  const readRoutes = ["/", "/events", "/events/1", "/events/1/body"];
  const strangers: [name: string, headers: Record<string, string>][] = [
    ["a page of another origin", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["a forwarded request", { "x-forwarded-for": "192.0.2.1" }],
    ["a wrong token", { authorization: "Bearer wrong" }],
  ];
  for (const [name, headers] of strangers) {
    it.each(readRoutes)(`refuses ${name} at %s`, async (path) => {
      await send("msg_1");
      expect((await call(path, { headers })).status).toBe(401);
    });
  }
  it.each(readRoutes)("refuses a foreign host at %s, and takes the token there", async (path) => {
    await send("msg_1");
    const ask = (headers: Record<string, string>) =>
      app.fetch(new Request(`http://evil.example:8080${path}`, { headers }), env);
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: "Bearer test-token-of-24-letters" })).status).toBe(200);
  });

  it.each(["/health", "/events", "/events/1", "/events/1/body", "/rejections", "/sources", "/webhook", "/nothing"])(
    "has the answer of %s kept by nobody, and of no other type than it says",
    async (path) => {
      await send("msg_1");
      const { headers } = await call(path);
      expect(headers.get("cache-control")).toMatch(/^(private, )?no-store$/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  it("lets browsers keep its files, whose paths change with their content", async () => {
    const [path] = /\/assets\/[\w.-]+\.css/.exec(await (await call("/")).text()) ?? [];
    expect((await call(String(path))).headers.get("cache-control")).toContain("immutable");
  });

  it("answers /health and /webhook without a token, also deployed", async () => {
    const health = await callWith({ LOCAL_DEV: "false" }, "/health");
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const init = { method: "POST", body: "{}", headers: await signed("msg_1", "{}") };
    expect((await callWith({ LOCAL_DEV: "false" }, "/webhook", init)).status).toBe(200);
    expect((await callWith({ LOCAL_DEV: "false" }, "/events")).status).toBe(401);
  });

  it("names a missing variable in its log, not in its answer", async () => {
    const response = await callWith({ API_TOKEN: "" }, "/health");
    expect([response.status, await response.json()]).toEqual([
      500,
      expect.objectContaining({ code: "configuration_error" }),
    ]);
  });
});
