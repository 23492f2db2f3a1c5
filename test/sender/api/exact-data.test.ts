import { describe, expect, it } from "vitest";
import { fetchSender, publish, receiver, useReceiver } from "../support.ts";

useReceiver();

/** Data goes to every reader as the text that was published: the endpoints, the pages of the log, the long poll. */
const EXACT = [
  "9007199254740993",
  "1.10",
  "1E400",
  "-0",
  '{"2":1,"1":2}',
  '{"a":1,"a":2}',
  '"\\u0041\\/\\ud800"',
  '{ "a" : [ 1 ,\n 2 ] }',
  "null",
];

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

function call(path: string, body: string | null = null): Promise<Response> {
  const init = body === null ? {} : { method: "POST", body, headers: { "content-type": "application/json" } };
  return fetchSender(`http://localhost:5000${path}`, init);
}

describe("the data of an event", () => {
  it.each(EXACT)("is %s for the endpoint and every reader", async (data) => {
    const waiting = call("/events?after=0&wait=5");
    const { id } = await (await call("/events", `{"type":"a.b","data": ${data} }`)).json<{ id: string }>();
    const written = `"data":${data}`;
    expect(await (await waiting).text()).toContain(`${written}}`);
    for (const path of ["/events", "/events?after=0"]) {
      const text = await (await call(path)).text();
      expect(text).toContain(`${written}}`);
      expect(() => JSON.parse(text)).not.toThrow();
    }
    expect(await (await call(`/events/${id}`)).text()).toContain(`${written},"deliveries":[`);
    await expect.poll(() => receiver.sent.length).toBe(1);
    expect(receiver.sent[0]?.body.endsWith(`,${written}}`)).toBe(true);
  });

  it("is one content however it is spaced, and another one when a number is written otherwise", async () => {
    const first = await (await call("/events", '{"id":"x","type":"a","data":{"n":1.10}}')).json();
    expect(await (await call("/events", '{"id":"x","type":"a","data":{ "n": 1.10 }}')).json()).toEqual(first);
    expect((await call("/events", '{"id":"x","type":"a","data":{"n":1.1}}')).status).toBe(422);
  });

  it("is refused deeper than 200 in every way in", async () => {
    for (const [path, deepest, deeper, status] of [
      ["/trigger", nested(200), nested(201), 422],
      ["/events", `{"type":"a","data":${nested(200)}}`, `{"type":"a","data":${nested(201)}}`, 422],
      ["/events", `[{"type":"a","data":${nested(200)}}]`, `[{"type":"a","data":${nested(8000)}}]`, 400],
    ] as const) {
      expect((await call(path, deepest)).ok).toBe(true);
      const refused = await call(path, deeper);
      expect([refused.status, (await refused.json<{ detail: string }>()).detail]).toEqual([
        status,
        expect.stringContaining("nested deeper than 200"),
      ]);
    }
  });

  it("is shown however deep an earlier version took it", async () => {
    await publish({ data: nested(8000) });
    const page = await call("/events");
    expect(page.status).toBe(200);
    expect(await page.text()).toContain(nested(8000));
  });
});
