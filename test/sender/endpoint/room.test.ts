import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Sql } from "../../../shared/durable/sql.ts";
import { makeRoom } from "../../../workers/sender/endpoint/room.ts";
import { EndpointStore } from "../../../workers/sender/endpoint/storage.ts";
import type { Delivery } from "../../../workers/sender/model/delivery.ts";
import {
  deliveries,
  endpoint,
  moveTo,
  outbox,
  publish,
  publishOne,
  receiver,
  settled,
  useReceiver,
} from "../support.ts";

useReceiver();

const BODY = JSON.stringify("x".repeat(50_000));
const attempt = { at: 1, ms: 1, status: 500, code: null, nextAt: null, response: null };

function row(seq: number, part: Partial<Delivery>): Delivery {
  const none = { due: null, mark: null, skip: 0, until: null, attempts: [attempt] };
  return { ...none, seq, id: `msg_${seq}`, type: "order.paid", state: "dead", body: BODY, ...part };
}

/** Calls `test` with a store of its own on real storage. */
async function onStore(test: (store: EndpointStore) => void): Promise<void> {
  await runInDurableObject(endpoint("ep_scratch"), (_instance, ctx) => {
    const store = new EndpointStore(ctx);
    store.create(0, 0);
    test(store);
  });
}

const withBody = (store: EndpointStore) =>
  store.deliveries.tables.flatMap(({ name }) =>
    store.sql.run<{ seq: number }>(`SELECT seq FROM ${name} WHERE body IS NOT NULL ORDER BY seq`).map(({ seq }) => seq),
  );

describe("makeRoom", () => {
  it("lets the bodies of dead deliveries go, the oldest first, those that the log still has before all", async () => {
    await onStore((store) => {
      for (let seq = 1; seq <= 400; seq++)
        store.deliveries.put(row(seq, seq === 7 ? { state: "due", due: 5 } : {}), true);
      // A hundred bodies more than there is room for: those from 201 on can be had again.
      const limit = (bytes: number) => ({ storageLimit: bytes / 0.6, logOldest: 201, floor: 400 });
      makeRoom(store, limit(store.sql.bytes - 150 * BODY.length));
      expect(withBody(store)).toEqual([...range(1, 200), ...range(401 - withBodyAbove(store, 200), 400)]);
      makeRoom(store, limit(store.sql.bytes - 100 * BODY.length));
      expect(withBody(store).every((seq) => seq <= 200)).toBe(true);
      // What may still be sent keeps its body, however full it is.
      makeRoom(store, limit(1));
      makeRoom(store, limit(1));
      expect(withBody(store)).toEqual([7]);
    });
  });

  it("searches nothing twice, and finds what died since", async () => {
    await onStore((store) => {
      for (let seq = 1; seq <= 20; seq++) store.deliveries.put(row(seq, {}), true);
      makeRoom(store, { storageLimit: 1, logOldest: 0, floor: 20 });
      expect(withBody(store)).toEqual([]);
      store.deliveries.put(row(5, {}), false);
      store.deliveries.put(row(21, {}), true);
      makeRoom(store, { storageLimit: 1, logOldest: 0, floor: 21 });
      expect(withBody(store)).toEqual([]);
    });
  });

  it("lets whole tables go that are settled, and keeps one in which a delivery is due, or not taken yet", async () => {
    await onStore((store) => {
      for (const first of [1, 11, 21, 31]) {
        if (first > 1) store.deliveries.addTable(first, first);
        for (let seq = first; seq < first + 10; seq++)
          store.deliveries.put(row(seq, { state: "delivered", body: null }), true);
      }
      const names = () => store.deliveries.tables.map(({ first }) => first);
      makeRoom(store, { storageLimit: 1, logOldest: 0, floor: 19 });
      expect(names()).toEqual([11, 21, 31]);
      store.deliveries.put(row(25, { state: "due", due: 9 }), false);
      makeRoom(store, { storageLimit: 1, logOldest: 0, floor: 40 });
      expect(names()).toEqual([21, 31]);
    });
  });
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const withBodyAbove = (store: EndpointStore, seq: number) => withBody(store).filter((each) => each > seq).length;

describe("an Endpoint full of dead deliveries", () => {
  let dead: number;

  beforeEach(async () => {
    await publishOne();
    await settled(1);
    dead = 30;
    const first = 2;
    await publish(...Array.from({ length: dead }, (_, n) => ({ id: `dead-${n}`, digest: "d", data: BODY })));
    await settled(1 + dead);
    await runInDurableObject(endpoint(), ({ store }) => {
      for (let seq = first; seq < first + dead; seq++) {
        const known = store.deliveries.get(seq);
        if (known !== null) store.deliveries.put({ ...known, state: "dead", body: BODY, attempts: [attempt] }, false);
      }
    });
    receiver.sent = [];
  });

  /** As many bytes are free as bodies are gone. */
  function crowd(): void {
    const { get } = Object.getOwnPropertyDescriptor(Sql.prototype, "bytes") ?? {};
    vi.spyOn(Sql.prototype, "bytes", "get").mockImplementation(function (this: Sql) {
      const isEndpoint = this.run("SELECT 1 AS x FROM sqlite_master WHERE name = 'del_1'").length > 0;
      if (!isEndpoint) return get?.call(this);
      const [row] = this.run<{ n: number }>("SELECT count(*) AS n FROM del_1 WHERE body IS NOT NULL");
      return (row?.n ?? 0) === 0 ? 0 : 700_000_000;
    });
  }

  it("goes on delivering, and sends the dead ones again with what the log still has", async () => {
    crowd();
    const { seq } = await publishOne();
    const rows = await settled(2 + dead);
    expect(rows[0]).toMatchObject({ seq, state: "delivered" });
    expect(rows.filter(({ state }) => state === "dead")).toHaveLength(dead);
    vi.mocked(Object.getOwnPropertyDescriptor(Sql.prototype, "bytes")?.get ?? vi.fn()).mockRestore?.();
    expect(await endpoint().recover({ since: 0, until: null })).toBe(dead);
    await vi.waitUntil(
      async () => {
        await runDurableObjectAlarm(endpoint());
        return receiver.sent.length === 1 + dead;
      },
      { timeout: 10_000 },
    );
    const again = receiver.sent.filter(({ id }) => id.startsWith("dead-"));
    expect(again.every(({ body }) => body.endsWith(`"data":${BODY}}`))).toBe(true);
  });

  it("says how many it sends again, and never an empty body: of the others the log has nothing more", async () => {
    crowd();
    await publishOne();
    await settled(2 + dead);
    await runInDurableObject(outbox(), ({ store }) => {
      const [table] = store.log.tables;
      store.log.beginAfter(store.log.head);
      if (table !== undefined) store.log.drop(table);
    });
    expect(await endpoint().recover({ since: 0, until: null })).toBe(0);
    await evictDurableObject(endpoint());
    moveTo(Date.now() + 3_600_000);
    await runDurableObjectAlarm(endpoint());
    expect(receiver.sent).toHaveLength(1);
    expect((await deliveries()).filter(({ state }) => state === "dead")).toHaveLength(dead);
  });
});
