import { beforeEach, describe, expect, it } from "vitest";
import { type AlertSent, Alerts } from "../../../shared/alerts/alerts.ts";
import type { AlertFormat, AlertMessage } from "../../../shared/alerts/message.ts";

/** Conditions and their alerts: each told once, its end once, whatever happens between. */

const MINUTE = 60_000;
const TAKEN: AlertSent = { status: 200, code: null, ms: 1, response: null };
const REFUSED: AlertSent = { status: 500, code: null, ms: 1, response: "no" };

let time: number;
let stored: Map<string, string>;
let sent: AlertMessage[];
let answer: () => AlertSent;
let armed: number[];

beforeEach(() => {
  time = Date.UTC(2026, 10, 27, 3);
  stored = new Map();
  sent = [];
  armed = [];
  answer = () => TAKEN;
});

/** Makes the alerts of an object that starts. */
function started(format: AlertFormat | null = "slack", post = defaultPost): Alerts {
  const meta = {
    get: <Value>(key: string) => JSON.parse(stored.get(key) ?? "null") as Value | null,
    set: (key: string, value: unknown) => void stored.set(key, JSON.stringify(value)),
  };
  return new Alerts({ format, worker: "sender", meta, alarm: { arm: (at) => armed.push(at) }, post, now: () => time });
}

const defaultPost = (messages: readonly AlertMessage[]) => {
  sent.push(...messages);
  return Promise.resolve(messages.map(() => answer()));
};

const begin = (alerts: Alerts, subject: string) =>
  alerts.begin("failing", subject, { text: `${subject} fails`, since: time });
const end = (alerts: Alerts, subject: string) => alerts.end("failing", subject, `${subject} delivers`);
const texts = () => sent.map(({ data }) => (data as { text: string }).text);

describe("Alerts", () => {
  it("tells a condition once, and its end once, also after a restart", async () => {
    for (let round = 0; round < 3; round++) {
      const alerts = started();
      begin(alerts, "a");
      await alerts.run();
      time += MINUTE;
    }
    for (let round = 0; round < 3; round++) {
      const alerts = started();
      end(alerts, "a");
      await alerts.run();
    }
    expect(texts()).toEqual(["Alert: a fails", "Over: a delivers"]);
    expect(JSON.parse(stored.get("alerts") ?? "")).toEqual([]);
  });

  it("arms the alarm for what is to be told, and for what could not be told", async () => {
    const alerts = started();
    begin(alerts, "a");
    expect(armed.at(-1)).toBe(time + 1000);
    answer = () => REFUSED;
    for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await alerts.run();
      expect(armed.at(-1)).toBe(time + minutes * MINUTE);
      expect(alerts.nextAt(time)).toBe(time + minutes * MINUTE);
      time += minutes * MINUTE;
    }
    answer = () => TAKEN;
    await alerts.run();
    expect(alerts.nextAt(time)).toBeNull();
    const before = sent.length;
    await alerts.run();
    expect(sent).toHaveLength(before);
  });

  it("does not try before its time, and says one line for a condition that was over by then", async () => {
    const alerts = started();
    begin(alerts, "a");
    answer = () => REFUSED;
    await alerts.run();
    end(alerts, "a");
    answer = () => TAKEN;
    await alerts.run();
    expect(sent).toHaveLength(1);
    time += MINUTE;
    await alerts.run();
    await alerts.run();
    expect(texts().slice(1)).toEqual(["Over: a delivers"]);
  });

  it("takes a condition that comes back before its end was told for the same one", async () => {
    const alerts = started();
    begin(alerts, "a");
    await alerts.run();
    end(alerts, "a");
    begin(alerts, "a");
    await alerts.run();
    expect(texts()).toEqual(["Alert: a fails"]);
    expect(alerts.open).toHaveLength(1);
  });

  it("tells a condition again that came back while its end was being told", async () => {
    const alerts: Alerts = started("slack", (messages) => {
      if (sent.length === 1) begin(alerts, "a");
      return defaultPost(messages);
    });
    begin(alerts, "a");
    await alerts.run();
    end(alerts, "a");
    await alerts.run();
    await alerts.run();
    expect(texts()).toEqual(["Alert: a fails", "Over: a delivers", "Alert: a fails"]);
  });

  it("tells a chat of many in one message, and a server of each in an event with an id of its own", async () => {
    const chat = started();
    for (let n = 0; n < 25; n++) begin(chat, `ep_${n}`);
    await chat.run();
    await chat.run();
    expect(texts().map((text) => text.split("\n").length)).toEqual([20, 5]);
    stored.clear();
    sent = [];
    const server = started("standard");
    for (let n = 0; n < 8; n++) begin(server, `ep_${n}`);
    await server.run();
    expect(sent).toHaveLength(6);
    await server.run();
    expect(new Set(sent.map(({ id }) => id)).size).toBe(8);
    expect(server.nextAt(time)).toBeNull();
  });

  it("notes that a POST threw, and how the last one ended", async () => {
    const alerts = started("slack", () => Promise.reject(new Error("no courier")));
    begin(alerts, "a");
    await alerts.run();
    expect(alerts.last).toMatchObject({ at: time, status: 0, code: "request_failed" });
    expect(alerts.nextAt(time)).toBe(time + MINUTE);
  });

  it("keeps no more conditions than one value holds", async () => {
    const alerts = started();
    for (let n = 0; n < 501; n++) begin(alerts, `ep_${n}`);
    expect(alerts.open).toHaveLength(500);
  });

  it("keeps nothing and sends nothing when nobody is to be told", async () => {
    const alerts = started(null);
    begin(alerts, "a");
    await alerts.run();
    expect([alerts.isOn, alerts.open, sent, armed, stored.size, await alerts.test()]).toEqual([
      false,
      [],
      [],
      [],
      0,
      null,
    ]);
  });

  it("sends a test at once, also while alerts cannot be sent", async () => {
    const alerts = started();
    expect(await alerts.test()).toEqual(TAKEN);
    expect(texts()).toEqual(["This is a test of the alerts of the sender."]);
  });
});
