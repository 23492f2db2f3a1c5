import { describe, expect, it } from "vitest";
import { fetchSender, publish, receiver, settled, useReceiver } from "../support.ts";

/** The routes of alerts while no ALERT_URL is set. */

useReceiver();

const ask = (path: string, init?: RequestInit) => fetchSender(`http://localhost:5000${path}`, init);

describe("alerts without a URL", () => {
  it("are off, and keep no condition", async () => {
    receiver.answer = () => new Response(null, { status: 410 });
    await publish({});
    await settled(1);
    expect(await (await ask("/alerts")).json()).toEqual({
      ...{ enabled: false, format: "standard", rules: {}, conditions: [], lastSent: null },
    });
    expect(new Set(receiver.sent.map(({ url }) => url))).toEqual(new Set(["http://localhost:9/webhook"]));
  });

  it("cannot be tried", async () => {
    const answer = await ask("/alerts/test", { method: "POST" });
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: "alerts_off" }]);
  });

  it.each(["/alerts?x=1", "/alerts/test?x=1"])("refuse an unknown parameter: %s", async (path) => {
    expect((await ask(path, { method: path.includes("test") ? "POST" : "GET" })).status).toBe(400);
  });
});
