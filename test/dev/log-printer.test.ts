import { describe, expect, test } from "vitest";
import { printedLine } from "../../workers/dev/log-printer.ts";
import { LOG_WORDS } from "../../workers/dev/log-words.ts";
import { filesBelow, read } from "../house/files.ts";
import { useOwnPairs } from "./npm-start.ts";

/** The log in the terminal: in words for people, and as it is for machines. */

const NOW = new Date(2026, 10, 27, 14, 3, 7);
const PLAIN = { format: "people", colour: false } as const;
const attempt = { event: "attempt.made", endpoint: "ep_default", id: "msg_1", seq: 4, attempt: 1, type: "order.paid" };
const received = {
  event: "event.received",
  seq: 42,
  id: "msg_1",
  source: "default",
  type: "order.paid",
  bytes: 9,
  ms: 3,
};
const rejected = { event: "webhook.refused", source: "stripe", reason: "no_match", diagnosis: null, unseen: 0 };

const shown = (fields: object) => printedLine("sender", JSON.stringify(fields), NOW, PLAIN);

describe("printedLine", () => {
  test.each([
    [
      { ...attempt, status: 200, code: null, ms: 12, state: "delivered" },
      "delivered order.paid msg_1 to ep_default in 12 ms, 200",
    ],
    [
      { ...attempt, attempt: 3, status: 0, code: "timeout", ms: 20000, state: "due" },
      "did not deliver order.paid msg_1 to ep_default in 20000 ms, timeout, attempt 3",
    ],
    [
      { ...attempt, attempt: 10, status: 500, code: null, ms: 7, state: "dead" },
      "gave up order.paid msg_1 for ep_default in 7 ms, 500, attempt 10",
    ],
    [
      {
        event: "retry.scheduled",
        endpoint: "ep_default",
        id: "msg_1",
        at: new Date(2026, 10, 27, 14, 8).toISOString(),
      },
      "will try msg_1 at ep_default again at 14:08:00",
    ],
    [
      { event: "retry.scheduled", endpoint: "ep_default", id: "msg_1", at: new Date(2026, 11, 1, 2, 8).toISOString() },
      "will try msg_1 at ep_default again at 2026-12-01 02:08:00",
    ],
    [{ ...received, duplicate: false }, "received order.paid msg_1 from default as number 42 in 3 ms"],
    [{ ...received, duplicate: true }, "received order.paid msg_1 from default again: it is number 42"],
    [{ ...received, type: null, id: null, duplicate: false }, "received an event from default as number 42 in 3 ms"],
    [rejected, "refused a webhook for stripe, no_match"],
    [
      { ...rejected, source: null, diagnosis: "no known key signed this", unseen: 2 },
      "refused a webhook of an unknown source, no_match: no known key signed this (2 more before it)",
    ],
    [
      { event: "event.forwarded", log: "main", seq: 1, host: "a.example", status: 302, code: null, ms: 5 },
      "forwarded event 1 of main to a.example in 5 ms, 302",
    ],
  ])("says %o in words", (fields, words) => {
    expect(shown(fields)).toBe(`14:03:07 sender    ${words}`);
  });

  test.each(["", "Error: no such thing", '{"event":"never.heard"}', '{"event":"toString"}', '{"event":', "{}", "null"])(
    "prints %j as it came",
    (line) => {
      expect(printedLine("receiver", line, NOW, PLAIN)).toBe(`14:03:07 receiver  ${line}`);
    },
  );

  test("leaves JSON as it is when asked to", () => {
    const line = JSON.stringify(received);
    expect(printedLine("receiver", line, NOW, { format: "json", colour: false })).toBe(`receiver | ${line}`);
  });

  test("colours by outcome, and lets no field send a sequence to the terminal", () => {
    const text = printedLine("receiver", JSON.stringify({ ...rejected, diagnosis: "\u001b[2Jgone\n\u202egnp" }), NOW, {
      format: "people",
      colour: true,
    });
    expect(text).toBe(
      "\u001b[2m14:03:07\u001b[0m \u001b[35mreceiver\u001b[0m  \u001b[31mrefused a webhook for stripe, no_match:  [2Jgone gnp\u001b[0m",
    );
    const delivered = { ...attempt, status: 200, code: null, ms: 12, state: "delivered" };
    expect(printedLine("sender", JSON.stringify(delivered), NOW, { format: "people", colour: true })).toContain(
      "\u001b[32mdelivered",
    );
  });

  test("has words for every event that the Workers log, and for no other", () => {
    const sources = [...filesBelow("workers"), ...filesBelow("shared")].filter((path) => /\.tsx?$/.test(path));
    const logged = sources.flatMap((path) =>
      [...read(path).matchAll(/logEvent\(\s*"([^"]+)"/g)].map(([, name]) => name),
    );
    expect(Object.keys(LOG_WORDS).sort()).toEqual([...new Set(logged)].sort());
  });
});

describe("npm start", () => {
  const start = useOwnPairs();

  test("prints deliveries in words, without colours into a pipe", async () => {
    const { starting } = await start({ LOG: "" });
    const [line] = await starting.printed(/ sender {4}delivered /);
    expect(line).toMatch(/^\d\d:\d\d:\d\d sender {4}delivered value\.changed msg_\w+ to ep_default in \d+ ms, 200$/);
    await starting.printed(
      /^\d\d:\d\d:\d\d receiver {2}received value\.changed msg_\w+ from default as number \d+ in \d+ ms$/,
    );
    expect(starting.lines.filter((each) => each.includes('{"event"'))).toEqual([]);
  });
});
