import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { EndpointConfig } from "../../workers/sender/model/endpoint.ts";
import {
  deliveries,
  endpoint,
  fetchSender,
  logView,
  outbox,
  publish,
  publishOne,
  receiver,
  settled,
  useReceiver,
} from "./support.ts";

useReceiver();

/** I5 (one log): storage of the Outbox that is lost, put back, or of an earlier version, while the Endpoints keep theirs. */

const SKIPPED = 1_000_000;

async function call(path: string): Promise<Record<string, unknown>> {
  return (await fetchSender(`http://localhost:5000${path}`)).json();
}

/** The Outbox's object begins anew, without anything that it stored. */
async function loseOutbox(): Promise<void> {
  await runInDurableObject(outbox(), async (_instance, { storage }) => {
    await storage.deleteAlarm();
    await storage.deleteAll();
  });
  await evictDurableObject(outbox());
}

/** The Outbox's object has what it had when its head was `head`. */
async function putBack(head: number): Promise<void> {
  await runInDurableObject(outbox(), async (_instance, { storage }) => {
    storage.sql.exec("DELETE FROM ev_1 WHERE seq > ?", head);
    storage.sql.exec("UPDATE meta SET value = ? WHERE key = 'handed'", JSON.stringify({ h: head, lag: {} }));
    await storage.deleteAlarm();
  });
  await evictDurableObject(outbox());
}

/** As an earlier version left it: nothing knows an identity. */
async function forgetLog(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(stub, (_instance, { storage }) => {
    storage.sql.exec("DELETE FROM meta WHERE key = 'log'");
  });
  await evictDurableObject(stub);
}

async function arrived(count: number, id = "ep_default"): Promise<void> {
  await vi.waitUntil(
    async () => {
      await runDurableObjectAlarm(outbox());
      await runDurableObjectAlarm(endpoint(id));
      return receiver.sent.length >= count;
    },
    { timeout: 10_000, interval: 10 },
  );
}

function configOf(url: string): EndpointConfig {
  return {
    ...{ url, enabled: true, disabledReason: null, types: null, description: "", headers: {} },
    ...{ ordered: false, rateLimit: null, signing: ["v1"], createdAt: 0 },
    secrets: [{ key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expiresAt: null }],
  };
}

describe("a log whose storage was lost", () => {
  it("begins far beyond what it may have given, and new events are sent and shown as what they are", async () => {
    await publish({}, {}, {}, {}, {});
    await settled(5);
    const before = await logView();
    await loseOutbox();
    receiver.sent = [];
    receiver.answer = () => new Response("", { status: 500 });
    const first = await publishOne();
    expect(first.seq).toBe(5 + SKIPPED + 1);
    expect((await logView()).id).not.toBe(before.id);
    await arrived(1);
    await settled(6);
    expect(await call(`/events/${first.id}`)).toMatchObject({
      deliveries: [{ state: "due", attempts: [{ status: 500 }] }],
    });
    receiver.answer = () => new Response("ok");
    const second = await publishOne();
    await arrived(2);
    await settled(7);
    expect(receiver.sent.map(({ id }) => id)).toEqual([first.id, second.id]);
    // What the earlier log sent stays on record.
    expect((await deliveries()).map(({ seq }) => seq)).toEqual([second.seq, first.seq, 5, 4, 3, 2, 1]);
    expect(await call("/endpoints")).toMatchObject({ endpoints: [{ id: "ep_default", retrying: 1 }] });
  });

  it("answers nothing about an event by the rows of another log", async () => {
    const { seq } = await publishOne();
    await settled(1);
    expect(await endpoint().delivery("another", seq)).toBeNull();
    expect(await endpoint().redeliver({ log: "another", seq, body: "{}" })).toBe("missing");
    expect(await endpoint().delivery((await logView()).id, seq)).toMatchObject({ state: "delivered" });
    expect(
      await endpoint().offer({
        log: { id: "another", oldest: 1, head: 9 },
        after: 1,
        upTo: 9,
        events: [],
        revision: 1,
      }),
    ).toBe("stale");
  });
});

describe("a log that was put back to an earlier state", () => {
  it("sends what has the number of another event, and goes on beyond all numbers that were given", async () => {
    const all = await publish({}, {}, {}, {}, {});
    await settled(5);
    await putBack(3);
    receiver.sent = [];
    const since = await publish({}, {}, {});
    const ids = since.ok ? since.events.map(({ id }) => id) : [];
    await arrived(3);
    const next = await vi.waitUntil(async () => {
      const { seq, id } = await publishOne();
      ids.push(id);
      return seq > SKIPPED && seq;
    });
    await arrived(ids.length);
    expect(new Set(receiver.sent.map(({ id }) => id))).toEqual(new Set(ids));
    expect(all.ok && all.events.some(({ id }) => ids.includes(id))).toBe(false);
    await vi.waitUntil(async () => (await deliveries()).some(({ seq }) => seq === next));
  });

  it("is read across the numbers that were left out, by pages both ways, filtered or not", async () => {
    const types = ["order.paid", "user.made"];
    const log: { seq: number; type: string }[] = [];
    for (let part = 0; part < 3; part++) {
      for (const type of [...types, ...types]) log.push({ seq: (await publishOne({ type })).seq, type });
      await runInDurableObject(outbox(), ({ store }) => store.begin(store.log.head));
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("after", "before"),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom("", "&type=user.*"),
        async (order, limit, filter) => {
          const seen: number[] = [];
          let cursor: number | null = order === "after" ? 0 : (log.at(-1)?.seq ?? 0);
          if (order === "before") cursor++;
          for (let turns = 0; cursor !== null && turns < 40; turns++) {
            const page = (await call(`/events?${order}=${cursor}&limit=${limit}${filter}`)) as {
              events: { seq: number }[];
              next: number | null;
              end?: boolean;
            };
            seen.push(...page.events.map(({ seq }) => seq));
            cursor = page.end ? null : page.next;
          }
          const wanted = log.filter(({ type }) => filter === "" || type === "user.made").map(({ seq }) => seq);
          expect(seen).toEqual(order === "after" ? wanted : wanted.toReversed());
        },
      ),
      { numRuns: 20 },
    );
  });

  it("loses nothing that was published since, wherever it was put back to and whoever is behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ before: fc.integer({ min: 1, max: 12 }), kept: fc.nat(11), since: fc.integer({ min: 1, max: 6 }) }),
        fc.boolean(),
        fc.boolean(),
        async ({ before, kept, since }, lost, disabled) => {
          await reset();
          await outbox().create("ep_other", configOf("http://localhost:7003/other"), { at: "now" });
          await publish(...Array.from({ length: before }, () => ({})));
          await settled(before);
          await vi.waitUntil(async () => (await deliveries("ep_other")).length === before);
          if (disabled) await outbox().update("ep_default", { enabled: false });
          if (lost) await loseOutbox();
          else await putBack(Math.min(kept, before - 1));
          receiver.sent = [];
          const ids: string[] = [];
          for (let n = 0; n < since; n++) ids.push((await publishOne()).id);
          if (disabled) await outbox().update("ep_default", { enabled: true });
          const sentTo = (part: string) =>
            new Set(receiver.sent.filter(({ url }) => url.includes(part)).map(({ id }) => id));
          await vi.waitUntil(
            async () => {
              for (const stub of [outbox(), endpoint(), endpoint("ep_other")]) await runDurableObjectAlarm(stub);
              // A registry that was lost knows only the endpoint of WEBHOOK_URL.
              return (lost ? [":9/"] : [":9/", "other"]).every((part) => ids.every((id) => sentTo(part).has(id)));
            },
            { timeout: 10_000, interval: 10 },
          );
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  });
});

describe("storage of a version whose log had no identity", () => {
  it("gets one, and no endpoint starts over", async () => {
    await publish({}, {}, {});
    await settled(3);
    await forgetLog(endpoint());
    await forgetLog(outbox());
    receiver.sent = [];
    expect(await publishOne()).toMatchObject({ seq: 4 });
    await settled(4);
    await runDurableObjectAlarm(endpoint());
    expect(receiver.sent).toHaveLength(1);
    const { id } = await logView();
    expect(id).not.toBe("");
    expect(await endpoint().status()).toMatchObject({ log: id });
    await evictDurableObject(outbox());
    expect((await logView()).id).toBe(id);
  });
});
