import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { dedupOf } from "../../../workers/receiver/event/arrival.ts";

describe("dedupOf", () => {
  const DAYS = 30 * 86_400_000;
  const body = utf8("{}");
  const digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const cases: [name: string, id: string | null, signedId: boolean, dedup: { name: string; ttlMs: number }][] = [
    ["a signed id", "msg 1", true, { name: "id s msg 1", ttlMs: DAYS }],
    ["an unsigned id", "msg 1", false, { name: `body+id s ${digest} msg 1`, ttlMs: DAYS }],
    ["no id", null, true, { name: `body s ${digest}`, ttlMs: 300_000 }],
  ];
  it.each(cases)("%s", async (_name, id, signedId, { name, ttlMs }) => {
    const whole = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(name)));
    const key = whole.slice(0, 16);
    expect(await dedupOf({ source: "s", id, signedId, body }, DAYS)).toEqual({ key, ttlMs });
  });
});
