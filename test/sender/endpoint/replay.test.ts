import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import {
  deliveries,
  endpoint,
  fetchSender,
  head,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  runAlarms,
  settled,
  useReceiver,
} from "../support.ts";

/** Parts of the log that are sent to one endpoint again. */

useReceiver();

const ORIGIN = "http://localhost:5000";
const PATH = "/endpoints/ep_default";

type Shown = {
  state: string;
  found: number;
  foundAll: boolean;
  sent: number;
  lost: number;
  atSeq: number;
  upToSeq: number;
  gone: { toSeq: number; loggedBefore: string | null } | null;
};

async function call(method: string, path: string, body?: object) {
  const response = await fetchSender(`${ORIGIN}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function replay(body: object, path = PATH): Promise<Shown> {
  const answer = await call("POST", `${path}/replay`, body);
  expect([answer.status, answer.body.detail]).toEqual([202, undefined]);
  return answer.body as unknown as Shown;
}

const shown = async (path = PATH) => (await call("GET", path)).body.replay as Shown;

async function ended(path = PATH): Promise<Shown> {
  await vi.waitUntil(async () => (await shown(path)).state !== "running", { timeout: 15_000, interval: 10 });
  return shown(path);
}

const until = (check: () => boolean) => vi.waitUntil(check, { timeout: 15_000, interval: 5 });
const sentIds = () => receiver.sent.map(({ id }) => id);

/** Publishes events of two types by turns, of which the endpoint gets the first alone; returns their ids. */
async function published(count: number): Promise<string[]> {
  await outbox().update("ep_default", { types: ["order.*"] });
  const ids: string[] = [];
  for (let first = 0; first < count; first += 100) {
    const types = Array.from({ length: Math.min(100, count - first) }, (_, n) =>
      n % 2 === 0 ? "order.paid" : "user.made",
    );
    const result = await publish(...types.map((type, n) => ({ type, data: `{"n":${first + n}}` })));
    if (!result.ok) throw new Error(result.detail);
    ids.push(...result.events.map(({ id }) => id));
  }
  await settled(count / 2);
  return ids;
}

const odds = (ids: string[]) => ids.filter((_id, n) => n % 2 === 1);

describe("a replay", () => {
  it("sends what is missing by the types of now, or all, with the same ids and bytes", async () => {
    const ids = await published(20);
    const bodies = new Map(receiver.sent.map(({ id, body }) => [id, body]));
    await outbox().update("ep_default", { types: null });
    receiver.sent = [];
    expect(await replay({ after: 0 })).toMatchObject({ found: 10, foundAll: true, gone: null });
    expect(await ended()).toMatchObject({ state: "done", found: 10, sent: 10, lost: 0, atSeq: await head() });
    expect(sentIds().sort()).toEqual(odds(ids).sort());
    expect(await replay({ after: 0 })).toMatchObject({ state: "done", found: 0 });

    receiver.sent = [];
    expect(await replay({ after: 0, only: "all" })).toMatchObject({ found: 20 });
    expect(await ended()).toMatchObject({ state: "done", sent: 20 });
    expect(sentIds().sort()).toEqual([...ids].sort());
    for (const { id, body } of receiver.sent) expect(bodies.get(id) ?? body).toBe(body);
    expect((await deliveries()).map(({ state, attempts }) => [state, attempts.length]).sort()).toEqual(
      [...Array(20)].map(() => ["delivered", 2]).sort(),
    );
  });

  it.each([
    ["seqs", { after: 4, before: 9 }, [4, 6]],
    ["types", { after: 0, types: ["order.*"] }, [0, 2, 4, 6, 8]],
    ["types that the endpoint does not take", { after: 0, types: ["user.*"] }, []],
    ["a time to come", { since: "2090-01-01T00:00:00Z" }, []],
    ["all times", { since: "2020-01-01T00:00:00Z", until: "2090-01-01T00:00:00Z" }, [0, 2, 4, 6, 8]],
  ])("keeps to %s", async (_name, bounds, places) => {
    const ids = await published(10);
    receiver.sent = [];
    expect(await replay({ ...bounds, only: "all" })).toMatchObject({ found: places.length, foundAll: true });
    await ended();
    expect(sentIds().sort()).toEqual(places.map((place) => ids[place]).sort());
  });

  it("sends dead deliveries and skipped ones, and leaves alone what waits for a retry", async () => {
    await outbox().update("ep_default", { retrySeconds: [] });
    receiver.answer = () => new Response("", { status: 500 });
    const dead = await publishOne();
    await settled(1);
    await outbox().update("ep_default", { retrySeconds: [3600] });
    await publish({}, {});
    const rows = await settled(3);
    await endpoint().skip({ since: rows[0]?.attempts[0]?.at ?? 0, until: null, types: null });
    await publishOne();
    await settled(4);
    receiver.answer = () => new Response("ok");
    receiver.sent = [];
    const waits = (await deliveries())[0]?.id;
    const skipped = (await deliveries()).filter(({ mark }) => mark === "skipped").map(({ id }) => id);
    await replay({ after: 0, only: "all" });
    expect(await ended()).toMatchObject({ sent: 1 + skipped.length });
    // The first success ends the outage, which brings forward what waits.
    expect(
      sentIds()
        .filter((id) => id !== waits)
        .sort(),
    ).toEqual([dead.id, ...skipped].sort());
  });

  it("retries what fails as any delivery, and its row is a redelivery's until then", async () => {
    await published(2);
    await outbox().update("ep_default", { types: null, retrySeconds: [3600] });
    receiver.answer = () => new Response("", { status: 500 });
    await replay({ after: 0 });
    expect(await ended()).toMatchObject({ state: "done", sent: 1 });
    expect((await deliveries())[0]).toMatchObject({ state: "due", mark: "redelivery" });
  });

  it("reaches events that were logged before the endpoint was made", async () => {
    const ids = await published(10);
    const made = await call("POST", "/endpoints", { url: "http://localhost:7002/late" });
    const path = `/endpoints/${made.body.id}`;
    receiver.sent = [];
    await replay({ after: 0 }, path);
    expect(await ended(path)).toMatchObject({ state: "done", sent: 10 });
    expect(sentIds().sort()).toEqual([...ids].sort());
    await publishOne({ type: "new.one" });
    await until(() => receiver.sent.length === 11);
  });

  it("costs a row an event, and one in a hundred", async () => {
    await published(600);
    await outbox().update("ep_default", { types: null });
    const rows = () => runInDurableObject(endpoint(), ({ store }) => store.sql.rowsWritten);
    const logRows = () => runInDurableObject(outbox(), ({ store }) => store.sql.rowsWritten);
    const before = (await rows()) + (await logRows());
    await replay({ after: 0 });
    expect(await ended()).toMatchObject({ sent: 300 });
    expect(((await rows()) + (await logRows()) - before) / 300).toBeLessThan(1.1);
  });
});

describe("a replay that is interrupted", () => {
  it.each(["missing", "all"] as const)("by deaths of the object sends all there is, of %s", async (only) => {
    const ids = await published(400);
    await outbox().update("ep_default", { types: null });
    const expected = only === "all" ? ids : odds(ids);
    receiver.sent = [];
    await replay({ after: 0, only });
    for (const share of [0.2, 0.5, 0.8]) {
      await until(() => new Set(sentIds()).size >= share * expected.length);
      await evictDurableObject(endpoint());
      await endpoint().wake();
    }
    expect(await ended()).toMatchObject({ state: "done", lost: 0 });
    expect(new Set(sentIds())).toEqual(new Set(expected));
    // At least once: again goes only what was under way when the object died.
    expect(receiver.sent.length).toBeLessThan(expected.length + 3 * 100);
  });

  it("goes on by its alarm alone", async () => {
    const ids = await published(40);
    await outbox().update("ep_default", { types: null, concurrency: 1 });
    receiver.sent = [];
    receiver.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response("ok");
    };
    await replay({ after: 0 });
    await until(() => receiver.sent.length > 5);
    await evictDurableObject(endpoint());
    expect((await shown()).state).toBe("running");
    await runAlarms();
    expect(await ended()).toMatchObject({ state: "done" });
    expect(new Set(sentIds())).toEqual(new Set(odds(ids)));
  });

  it("by a pause of the endpoint waits, and goes on", async () => {
    const ids = await published(300);
    await outbox().update("ep_default", { types: null });
    receiver.sent = [];
    await replay({ after: 0 });
    await until(() => receiver.sent.length > 20);
    await outbox().update("ep_default", { enabled: false });
    expect(["running", "done"]).toContain((await shown()).state);
    expect(await call("POST", `${PATH}/replay`, { after: 0 })).toMatchObject({ status: 409 });
    await outbox().update("ep_default", { enabled: true });
    expect(await ended()).toMatchObject({ state: "done" });
    expect(new Set(sentIds())).toEqual(new Set(odds(ids)));
  });
});

describe("one replay at a time", () => {
  /** Holds all answers back until `open` is called. */
  function held() {
    const { promise, resolve } = Promise.withResolvers<void>();
    receiver.answer = async () => {
      await promise;
      return new Response("ok");
    };
    return resolve;
  }

  it("asked for twice it runs once, and another one is refused", async () => {
    await published(20);
    const open = held();
    receiver.sent = [];
    await replay({ after: 0, only: "all" });
    expect(await replay({ after: 0, only: "all" })).toMatchObject({ state: "running", found: 10 });
    for (const other of [{ after: 1, only: "all" }, { after: 0 }, { after: 0, only: "all", before: 5 }]) {
      const refused = await call("POST", `${PATH}/replay`, other);
      expect([refused.status, refused.body.code]).toEqual([409, "replay_running"]);
    }
    open();
    expect(await ended()).toMatchObject({ state: "done", sent: 10 });
    expect(receiver.sent).toHaveLength(10);
  });

  it("cancelled it stops, also over a restart, and another can begin", async () => {
    await published(300);
    await outbox().update("ep_default", { types: null, concurrency: 2 });
    const open = held();
    receiver.sent = [];
    await replay({ after: 0 });
    await until(() => receiver.sent.length === 2);
    const cancelled = await call("DELETE", `${PATH}/replay`);
    expect(cancelled).toMatchObject({ status: 200, body: { state: "cancelled", sent: 2, found: 2 } });
    open();
    await settled(152);
    await evictDurableObject(endpoint());
    await endpoint().wake();
    expect(await shown()).toMatchObject({ state: "cancelled", sent: 2 });
    expect(receiver.sent).toHaveLength(2);
    expect((await call("DELETE", `${PATH}/replay`)).body).toMatchObject({ state: "cancelled" });
    await replay({ after: 0 });
    expect(await ended()).toMatchObject({ state: "done", sent: 148 });
  });

  it("holds up no new event: they take turns", async () => {
    await published(200);
    await outbox().update("ep_default", { types: null, concurrency: 1 });
    const open = held();
    receiver.sent = [];
    await replay({ after: 0 });
    await until(() => receiver.sent.length === 1);
    const fresh = await publishOne();
    await vi.waitUntil(async () => (await endpoint().status()).waiting > 0, { timeout: 10_000, interval: 5 });
    open();
    await until(() => sentIds().includes(fresh.id));
    expect(sentIds().indexOf(fresh.id)).toBeLessThan(5);
    await ended();
  });
});

describe("what is gone", () => {
  it("is named, and the rest is sent", async () => {
    for (const day of [1, 7, 21]) {
      moveTo(Date.UTC(2040, 0, day));
      await published(10);
      await settled(Math.ceil((await head()) / 2));
    }
    moveTo(Date.UTC(2040, 0, 38));
    await runAlarms();
    await vi.waitUntil(
      async () => (await outbox().events({ after: null, before: null, limit: 1, type: null })).oldest > 1,
      { timeout: 10_000, interval: 20 },
    );
    receiver.sent = [];
    const answer = await replay({ after: 0, only: "all" });
    expect(answer.gone).toEqual({ toSeq: 10, loggedBefore: "2040-01-07T00:00:00.000Z" });
    expect(await ended()).toMatchObject({ state: "done", sent: 10, gone: { toSeq: 10 } });
    expect((await replay({ since: "2040-01-02T00:00:00Z" })).gone).toMatchObject({ toSeq: 10 });
    expect((await replay({ after: 10 })).gone).toBeNull();
  });
});

describe("a request for a replay", () => {
  it.each([
    [{}, 422, "after or since is required"],
    [{ after: 0, since: "2026-01-01T00:00:00Z" }, 422, "after or since is required"],
    [{ after: -1 }, 422, "after must be the seq"],
    [{ after: "0" }, 422, "after must be the seq"],
    [{ after: 5, before: 5 }, 422, "before must be greater than after"],
    [{ after: 0, before: 3, until: "2026-01-01T00:00:00Z" }, 422, "exclude each other"],
    [{ since: "2026-01-02T00:00:00Z", until: "2026-01-01T00:00:00Z" }, 422, "until must be later"],
    [{ since: "yesterday" }, 422, "since must be an ISO 8601 time"],
    [{ after: 0, types: [] }, 422, "types are"],
    [{ after: 0, only: "some" }, 422, "only is missing or all"],
    [{ after: 0, all: true }, 422, "all"],
  ])("%j answers %i", async (body, status, detail) => {
    const answer = await call("POST", `${PATH}/replay`, body);
    expect([answer.status, answer.body.code]).toEqual([status, "invalid_endpoint"]);
    expect(answer.body.detail).toContain(detail);
  });

  it("for an endpoint that is not there answers 404, as does a cancel without a replay", async () => {
    expect(await call("POST", "/endpoints/ep_none/replay", { after: 0 })).toMatchObject({ status: 404 });
    expect(await call("DELETE", "/endpoints/ep_none/replay")).toMatchObject({ status: 404 });
    expect(await call("DELETE", `${PATH}/replay`)).toMatchObject({ status: 404 });
  });
});
