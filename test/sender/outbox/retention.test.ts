import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Sql } from "../../../shared/durable/sql.ts";
import type { EndpointConfig } from "../../../workers/sender/model/endpoint.ts";
import { Positions } from "../../../workers/sender/outbox/positions.ts";
import { deliveries, endpoint, head, moveTo, outbox, publish, publishOne, receiver, useReceiver } from "../support.ts";

useReceiver();

const DAY = 86_400_000;
const START = Date.UTC(2026, 5, 1);
/** STORAGE_LIMIT_MB is 1000 here; what the objects hold is told as so much. */
const LIMIT = 1_000_000_000;
const WARNED = "ep_warned";
const DEAD = "ep_dead";
const DEAD_URL = "http://localhost:7002/dead";
/** No answer: a failure would disable the endpoint by itself, as days pass here. */
const NEVER = new Promise<Response>(() => {});

/** Shares of the limit: that of the Outbox by its tables, each of them `share`; the Endpoints have room. */
let share = 0;
let fixed: number | null = null;

function configOf(part: Partial<EndpointConfig>): EndpointConfig {
  return {
    ...{ url: DEAD_URL, enabled: true, disabledReason: null, types: null, description: "", headers: {} },
    ...{ ordered: false, rateLimit: null, signing: ["v1"], createdAt: 0 },
    secrets: [{ key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expiresAt: null }],
    ...part,
  };
}

beforeEach(() => {
  share = 0;
  fixed = null;
  vi.spyOn(Sql.prototype, "bytes", "get").mockImplementation(function (this: Sql) {
    const tables = this.run<{ n: number }>("SELECT count(*) AS n FROM sqlite_master WHERE name GLOB 'ev_*'")[0]?.n ?? 0;
    return LIMIT * (tables === 0 ? 0 : (fixed ?? tables * share));
  });
  receiver.answer = ({ url }) => (url === DEAD_URL ? NEVER : new Response("ok"));
});

const tables = () => runInDurableObject(outbox(), ({ store }) => store.log.tables.map(({ first }) => first));

/** A period of three events, of which the dead endpoint keeps none: it is told that it has no room. */
async function period(day: number): Promise<void> {
  moveTo(START + day * DAY);
  await publish({}, {}, {});
}

/** Moves the clock on: a publisher asks for the size of the storage once a second. */
const letTheSizeBeAsked = () => moveTo(Date.now() + 1000);

/** Has the Outbox make what room it can, a minute later. */
async function tick(): Promise<void> {
  moveTo(Date.now() + 60_000);
  await outbox().tick(Date.now());
  await runInDurableObject(outbox(), () => {});
}

const announced = async (type: string) =>
  (await outbox().events({ after: 0, before: null, limit: 500, type })).events.map(({ body }) => JSON.parse(body).data);

/** Waits until an endpoint has a row for everything that it took. */
const taken = async (id: string, seq: number) =>
  vi.waitUntil(async () => {
    const { floor } = await endpoint(id).status();
    return floor >= seq;
  });

describe("Retention", () => {
  it("drops nothing that an enabled endpoint lacks, and only that endpoint is disabled for it", async () => {
    moveTo(START);
    await outbox().create(WARNED, configOf({ url: "http://localhost:7002/ok", types: ["webhook.*", "endpoint.*"] }), {
      at: "now",
    });
    await outbox().create(DEAD, configOf({ ordered: true }), { at: "now" });
    for (const day of [0, 6, 12, 18, 24]) await period(day);
    await taken("ep_default", 15);
    // Five tables: 65 %. The default endpoint has them all, the ordered one waits for its first event.
    share = 0.13;
    await tick();
    expect(await tables()).toEqual([1, 4, 7, 10, 13]);
    expect((await outbox().endpoint(DEAD))?.row.config.enabled).toBe(true);
    // 75 %: a warning, once.
    share = 0.15;
    await tick();
    await tick();
    await vi.waitUntil(async () => (await announced("webhook.storage_low")).length > 0);
    expect(await announced("webhook.storage_low")).toMatchObject([
      { usedPercent: 75, limitMb: 1000, behind: [{ endpointId: DEAD, lag: expect.any(Number) }] },
    ]);
    expect(await tables()).toHaveLength(5);
    // 85 %: the one behind is disabled, its oldest table goes, and the others go on.
    share = 0.17;
    await vi.waitUntil(async () => {
      await tick();
      return (await tables()).length < 5;
    });
    const { row } = (await outbox().endpoint(DEAD)) ?? {};
    expect(row?.config).toMatchObject({ enabled: false, disabledReason: "backlog" });
    expect(await announced("endpoint.disabled")).toMatchObject([
      { endpointId: DEAD, reason: "backlog", lostFrom: 1, lostTo: 3 },
    ]);
    expect((await outbox().endpoint("ep_default"))?.row.config.enabled).toBe(true);
    const expired = await vi.waitUntil(async () => {
      const rows = await deliveries(DEAD);
      return rows.some(({ state }) => state === "expired") && rows;
    });
    expect(expired).toMatchObject([{ seq: 2, until: expect.any(Number), state: "expired" }]);
    expect(receiver.sent.filter(({ url }) => url.endsWith("/ok")).map(({ body }) => JSON.parse(body).type)).toEqual([
      "webhook.storage_low",
      "endpoint.disabled",
    ]);
    expect(
      new Set(receiver.sent.filter(({ url }) => url.includes(":9/")).map(({ id }) => id)).size,
    ).toBeGreaterThanOrEqual(15);
  });

  it("refuses to publish only while no room can be made, and gives a repeated id its first answer even then", async () => {
    moveTo(START);
    const first = await publishOne({ id: "order-1", digest: "d" });
    fixed = 0.96;
    letTheSizeBeAsked();
    expect(await publish({})).toMatchObject({ ok: false, code: "storage_full" });
    expect(await publish({ id: "order-1", digest: "d" })).toMatchObject({ ok: true, events: [first] });
    expect(await publish({ id: "order-1", digest: "other" })).toMatchObject({ ok: false, code: "id_conflict" });
    expect(await publish({ id: "order-1", digest: "d" }, {})).toMatchObject({ code: "storage_full" });
    // Only the warning was added.
    expect(await announced("webhook.storage_low")).toHaveLength((await head()) - 1);
    fixed = null;
    expect(await publish({})).toMatchObject({ ok: true });
  });

  it("makes room on the spot for a publisher, when all that fills the log was taken", async () => {
    for (const day of [0, 6, 12, 18, 24]) await period(day);
    await taken("ep_default", 15);
    share = 0.2;
    letTheSizeBeAsked();
    expect(await publish({})).toMatchObject({ ok: true });
    expect((await tables()).length).toBeLessThanOrEqual(3);
  });

  it("has room again when the oldest period has passed, also with nothing published", async () => {
    await outbox().update("ep_default", { enabled: false });
    await period(0);
    share = 0.96;
    letTheSizeBeAsked();
    expect(await publish({})).toMatchObject({ ok: false, code: "storage_full" });
    moveTo(START + 31 * DAY);
    await tick();
    await vi.waitUntil(async () => !(await tables()).includes(1));
    share = 0;
    expect(await publish({})).toMatchObject({ ok: true });
  });

  it("waits for an endpoint that is catching up, and not for one that stands still", async () => {
    moveTo(START);
    const start = await runInDurableObject(outbox(), ({ store }) => {
      const positions = new Positions(store);
      const row = store.registry.get("ep_default") ?? expect.fail();
      const times: (number | null)[] = [];
      const note = (floor: number, seconds: number) => {
        positions.noteFloor(row, floor, START + seconds * 1000);
        times.push(positions.timeTo(row, 100));
      };
      note(10, 0); // no pace yet
      note(40, 60); // 30 a minute: two more minutes
      note(40, 60.5); // too soon for another pace
      note(40, 120); // stands still
      note(95, 180); // 55 a minute
      return times;
    });
    expect(start).toEqual([null, 120_000, 121_000, Number.POSITIVE_INFINITY, (5 / 55) * 60_000]);
  });

  it("disables nobody who lacks only what was logged last", async () => {
    receiver.answer = () => NEVER;
    await outbox().update("ep_default", { ordered: true });
    await period(0);
    await period(6);
    fixed = 0.9;
    await tick();
    expect((await outbox().endpoint("ep_default"))?.row.config.enabled).toBe(true);
    expect(await tables()).toEqual([1, 4]);
  });

  it("keeps, for any endpoint that stays enabled, whatever it lacks", async () => {
    const behind = fc.record({ dead: fc.boolean(), types: fc.constantFrom(null, ["order.*"], ["no.such"]) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(behind, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0.05, max: 0.19, noNaN: true }),
        async (each, pressure) => {
          share = 0;
          await outbox().update("ep_default", { enabled: true });
          const ids = each.map((_each, index) => `ep_${index}_${crypto.randomUUID()}`);
          moveTo(START);
          for (const [index, id] of ids.entries()) {
            const url = each[index]?.dead ? DEAD_URL : `http://localhost:7002/${id}`;
            await outbox().create(id, configOf({ url, ordered: true, types: each[index]?.types ?? null }), {
              at: "now",
            });
          }
          for (const day of [0, 6, 12, 18, 24]) await period(day);
          share = pressure;
          await tick();
          await tick();
          await runInDurableObject(outbox(), () => {});
          const { oldest } = await outbox().events({ after: 0, before: null, limit: 1, type: null });
          for (const id of ids) {
            const view = await outbox().endpoint(id);
            if (view?.row.config.enabled)
              expect((await endpoint(id).status()).floor + 1).toBeGreaterThanOrEqual(oldest);
            else expect(view?.row.config.disabledReason).toBe("backlog");
            share = 0;
            await outbox().delete(id);
          }
        },
      ),
      { numRuns: 8 },
    );
  });
});
