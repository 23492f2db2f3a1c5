import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { EndpointConfig } from "../../../workers/sender/model/endpoint.ts";
import { FanOut, type FanOutPort } from "../../../workers/sender/outbox/fan-out.ts";
import { Positions } from "../../../workers/sender/outbox/positions.ts";
import type { Registry } from "../../../workers/sender/outbox/registry.ts";
import { OutboxStore } from "../../../workers/sender/outbox/storage.ts";
import type { Offer, OfferAnswer } from "../../../workers/sender/protocol.ts";
import { endpoint, useReceiver } from "../support.ts";

useReceiver();

const CONFIG: EndpointConfig = {
  ...{ url: "https://example.com/", enabled: true, disabledReason: null, types: null, description: "", headers: {} },
  ...{ ordered: false, rateLimit: null, signing: ["v1"], secrets: [], createdAt: 0 },
};
const LEASE_MS = 300_000;

type Answer = (id: string, offer: Offer) => OfferAnswer | Promise<OfferAnswer>;

/** A FanOut on real storage, with endpoints that answer as they are told. Its clock advances with each look. */
class Bench {
  readonly store: OutboxStore;
  readonly registry: Registry;
  readonly positions: Positions;
  readonly fanOut: FanOut;
  /** In the order of their offers; `busiest` is how many were out at once. */
  readonly offered: { id: string; offer: Offer }[] = [];
  readonly configured: string[] = [];
  readonly armed: number[] = [];
  busiest = 0;
  answered = 0;
  answer: Answer = () => "taken";
  now = 0;
  #out = 0;

  constructor(storage: DurableObjectStorage) {
    this.store = new OutboxStore(storage);
    this.store.log.rollOver(0, { retentionMs: 1, storageLimit: 1e9 });
    this.registry = this.store.registry;
    this.positions = new Positions(this.store);
    const port: FanOutPort = {
      endpoint: (id) => ({
        offer: (offer) => this.#offer(id, offer),
        configure: async () => {
          this.configured.push(id);
          return "done";
        },
        floor: async () => null,
        greatest: async () => 0,
        destroy: async () => {},
      }),
      now: () => (this.now += 1),
      alarm: { arm: (at) => void this.armed.push(at) },
    };
    this.fanOut = new FanOut(this.store, this.positions, { port, leaseMs: LEASE_MS });
  }

  async #offer(id: string, offer: Offer): Promise<OfferAnswer> {
    this.offered.push({ id, offer });
    this.busiest = Math.max(this.busiest, ++this.#out);
    await scheduler.wait(1);
    this.#out--;
    this.answered++;
    return this.answer(id, offer);
  }

  publish(...types: string[]): void {
    for (const type of types) {
      const seq = this.store.log.head + 1;
      this.store.log.append({ seq, at: seq, id: `msg_${seq}`, type, body: "{}" }, null);
    }
  }

  /** Kicks as the alarm would while it is asked to, until nobody is handed anything more. */
  async run(): Promise<number> {
    let kicks = 0;
    for (let before = -1; before < this.offered.length; kicks++) {
      before = this.offered.length;
      this.fanOut.kick();
      await this.quiet();
    }
    return kicks;
  }

  async quiet(): Promise<void> {
    for (let before = -1; before < this.offered.length || this.#out > 0; ) {
      before = this.offered.length;
      await scheduler.wait(60);
    }
  }

  seqsOf(id: string): number[] {
    return this.offered.filter((each) => each.id === id).flatMap(({ offer }) => offer.events.map(({ seq }) => seq));
  }
}

async function onStorage(test: (bench: Bench) => Promise<void>): Promise<void> {
  // The storage of an object that nobody configured: nothing else lives there.
  await runInDurableObject(endpoint("ep_scratch"), async (_instance, { storage }) => test(new Bench(storage)));
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `ep_${String(n).padStart(4, "0")}`);

describe("FanOut.kick", () => {
  it("offers one event to 1,000 endpoints, 50 at a time and 250 before it arms the alarm", async () => {
    await onStorage(async (bench) => {
      const all = names(1000);
      for (const id of all) bench.registry.put(id, CONFIG, 0);
      bench.publish("order.paid");
      bench.fanOut.kick();
      await bench.quiet();
      expect(bench.offered).toHaveLength(250);
      expect(bench.armed.length).toBeGreaterThan(0);
      expect(bench.positions.settled).toBe(false);
      await bench.run();
      expect(bench.offered.map(({ id }) => id).toSorted()).toEqual(all);
      expect(bench.busiest).toBeLessThanOrEqual(50);
      bench.positions.save();
      expect(bench.positions.settled).toBe(true);
    });
  });

  it("goes on for all others when endpoints are deleted, changed, disabled or lost meanwhile", async () => {
    await onStorage(async (bench) => {
      const all = names(200);
      for (const id of all) bench.registry.put(id, CONFIG, 0);
      bench.publish("order.paid", "order.paid");
      const deleted = bench.registry.get("ep_0150");
      let offers = 0;
      bench.answer = (id, { revision }) => {
        // Endpoints that have no offer yet change while the first ones have theirs.
        if (++offers === 20) {
          if (deleted !== undefined) bench.registry.markDeleting(deleted);
          bench.registry.put("ep_0160", { ...CONFIG, enabled: false }, null);
          bench.registry.put("ep_0170", { ...CONFIG, types: ["no.such"] }, null);
        }
        if (id === "ep_0010") bench.registry.remove(id);
        if (id === "ep_0010") return "gone";
        if (id === "ep_0020" && revision === 1) {
          bench.registry.put(id, { ...CONFIG, url: "https://example.com/moved" }, null);
          return "stale";
        }
        if (id === "ep_0030") throw new Error("the object was lost");
        return "taken";
      };
      bench.fanOut.kick();
      await bench.quiet();
      for (const id of ["ep_0150", "ep_0160", "ep_0170"]) expect(bench.seqsOf(id), id).toEqual([]);
      expect(bench.configured).toEqual(["ep_0020"]);
      const disturbed = new Set(["ep_0010", "ep_0020", "ep_0030", "ep_0150", "ep_0160", "ep_0170"]);
      for (const id of all.filter((each) => !disturbed.has(each))) expect(bench.seqsOf(id), id).toEqual([1, 2]);
      // Brought its new configuration, then offered again; and the lost one once its second is over.
      expect(bench.seqsOf("ep_0020")).toEqual([1, 2, 1, 2]);
      expect(bench.fanOut.nextRetry).not.toBeNull();
      bench.answer = () => "taken";
      bench.now += LEASE_MS;
      await bench.run();
      expect(bench.seqsOf("ep_0030").slice(-2)).toEqual([1, 2]);
      expect(bench.registry.enabled().every((row) => bench.positions.acked(row) === 2)).toBe(true);
    });
  });

  it("lets nobody wait for an endpoint that does not answer", async () => {
    await onStorage(async (bench) => {
      for (const id of names(2)) bench.registry.put(id, CONFIG, 0);
      bench.answer = (id) => (id === "ep_0000" ? new Promise(() => {}) : "taken");
      for (let n = 0; n < 2; n++) {
        bench.publish("order.paid");
        bench.fanOut.kick();
        await bench.quiet();
      }
      expect(bench.seqsOf("ep_0001")).toEqual([1, 2]);
    });
  });

  it("wakes nobody for events that the filter leaves out, and moves the position on past them", async () => {
    await onStorage(async (bench) => {
      for (const id of names(20)) bench.registry.put(id, { ...CONFIG, types: ["no.such", "nor.*"] }, 0);
      bench.publish(...Array.from({ length: 150 }, () => "order.paid"));
      await bench.run();
      // And again from the tables: memory of the last events is gone after a start.
      bench.store.log.reload();
      bench.registry.put("ep_late", { ...CONFIG, types: ["no.such"] }, 0);
      await bench.run();
      expect(bench.offered).toEqual([]);
      expect(bench.registry.all().map((row) => bench.positions.acked(row))).toEqual(
        Array.from({ length: 21 }, () => 150),
      );
    });
  });

  it("offers a busy endpoint nothing more for a while, then all that came meanwhile", async () => {
    await onStorage(async (bench) => {
      bench.registry.put("ep_busy", CONFIG, 0);
      bench.answer = () => "busy";
      const more = () => {
        bench.publish("order.paid");
        bench.fanOut.kick();
      };
      more();
      await vi.waitUntil(() => bench.answered === 1, { interval: 1 });
      for (let n = 0; n < 9; n++) more();
      expect(bench.seqsOf("ep_busy")).toEqual([1]);
      await vi.waitUntil(() => bench.seqsOf("ep_busy").length === 10, { timeout: 5000 });
      expect(bench.offered).toHaveLength(2);
    });
  });
});

describe("FanOut.pull", () => {
  it("never offers from below a position that was reached before a restart", async () => {
    await onStorage(async (bench) => {
      bench.registry.put("ep_slow", CONFIG, 0);
      bench.publish(...Array.from({ length: 300 }, () => "order.paid"));
      await bench.run();
      bench.positions.save();
      const positions = new Positions(bench.store);
      const offers: Offer[] = [];
      const again = new FanOut(bench.store, positions, {
        leaseMs: LEASE_MS,
        port: {
          endpoint: () => ({
            offer: async (offer) => {
              offers.push(offer);
              return "taken";
            },
            ...{ configure: async () => "done" as const, destroy: async () => {} },
            ...{ floor: async () => null, greatest: async () => 0 },
          }),
          ...{ now: () => 0, alarm: { arm: () => {} } },
        },
      });
      expect(again.pull("ep_slow", null, 50)).toMatchObject({ upTo: 150, log: { head: 300 } });
      bench.publish("order.paid");
      again.kick();
      await vi.waitUntil(() => offers.length === 1);
      expect(offers).toMatchObject([{ after: 300, upTo: 301, events: [{ seq: 301 }] }]);
    });
  });

  it.each([
    ["an endpoint that is not there", "ep_none", "gone"],
    ["one that is about to be deleted", "ep_going", "gone"],
  ])("answers %s that it is gone", async (_name, id, answer) => {
    await onStorage(async (bench) => {
      bench.registry.markDeleting(bench.registry.put("ep_going", CONFIG, 0));
      expect(bench.fanOut.pull(id, null, 0)).toBe(answer);
    });
  });
});
