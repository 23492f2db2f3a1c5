import { describe, expect, it } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import {
  call,
  callWith,
  DAY,
  get,
  inbox,
  keys,
  pass,
  runAlarm,
  SECOND,
  send,
  sendMany,
  useEmptyStorage,
} from "../support/harness.ts";

/** `GET /events?id=`: where in the log an event is. */

useEmptyStorage();

const seqs = ({ events }: Page) => events.map(({ seq }) => seq);

/** Moves the log into KV, until no event is in the Inbox any more. */
async function drain(): Promise<void> {
  for (let run = 0; run < 10 && (await inbox().status()).waiting > 0; run++) {
    pass(400 * SECOND);
    await runAlarm();
  }
  pass(400 * SECOND);
  await runAlarm();
}

describe("GET /events?id=", () => {
  it("finds a signed id exactly, newest or old, in a tail or in KV, and says that it came again", async () => {
    await send("msg_old", '{"type":"order.paid"}');
    await drain();
    expect(await keys()).toHaveLength(1);
    pass(20 * DAY);
    await sendMany(30, "msg_");
    await send("msg_old", '{"type":"order.paid"}');
    // So little of the log is read by one request that no scan would get there.
    const page = await (await callWith({ SCAN_BYTES: "1" }, "/events?id=msg_old")).json<Page>();
    expect(page).toMatchObject({ events: [{ seq: 1, id: "msg_old", type: "order.paid", repeated: { times: 1 } }] });
    expect(page.next).toBeNull();
    expect(seqs(await get("/events?id=msg_7"))).toHaveLength(1);
    expect(await get("/events?id=msg_")).toMatchObject({ events: [], next: null });
    expect(seqs(await get("/events?id=msg_old&type=order.*"))).toEqual([1]);
    expect(seqs(await get("/events?id=msg_old&type=ticket.*"))).toEqual([]);
  });

  it("looks for an id that nobody signed page by page, each of a bounded size", async () => {
    const SOURCES = { open: { scheme: "none", idHeader: "x-id", dedupe: "off" } };
    const changes = { SOURCES, SCAN_BYTES: "1" } as unknown as Partial<Env>;
    const post = (id: string) =>
      callWith(changes, "/webhook/open", { method: "POST", body: "{}", headers: { "x-id": id } });
    for (const id of ["a", "b"]) await post(id);
    await drain();
    await post("a");
    await drain();
    for (const id of ["c", "a"]) await post(id);
    const first = await (await callWith(changes, "/events?id=a")).json<Page>();
    expect(seqs(first)).toEqual([5, 3]);
    const second = await (await callWith(changes, `/events?id=a&before=${first.next}`)).json<Page>();
    expect([seqs(second), second.next]).toEqual([[1], null]);
    expect(seqs(await get("/events?id=a&after=0"))).toEqual([1, 3, 5]);
  });

  it("finds nothing that was cleared, and takes no wait", async () => {
    await send("msg_gone");
    await call("/events", { method: "DELETE" });
    expect(await get("/events?id=msg_gone")).toMatchObject({ events: [], next: null });
    for (const query of ["id=", `id=${"x".repeat(257)}`, "id=a&after=0&wait=5"]) {
      expect((await call(`/events?${query}`)).status).toBe(400);
    }
    expect((await call("/events/export?id=a")).status).toBe(400);
  });

  it("is what the search on the page does first", async () => {
    await send("msg_wanted", '{"type":"order.paid"}');
    await sendMany(60, "msg_other_");
    const page = await (await call("/?q=msg_wanted&before=30")).text();
    expect(page).toContain("The id belongs to");
    expect(page).toContain('href="/e/1"');
    expect(await (await call("/?q=msg_want")).text()).not.toContain("The id belongs to");
  });
});
