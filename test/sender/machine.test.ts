import {
  abortAllDurableObjects,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Endpoint } from "../../workers/sender/endpoint/endpoint.ts";
import type { EndpointConfig } from "../../workers/sender/model/endpoint.ts";
import { wantsType } from "../../workers/sender/model/subscription.ts";
import { deliveries, endpoint, moveTo, outbox, publish, receiver, useReceiver } from "./support.ts";

useReceiver();

/**
 * The Outbox and its Endpoints as one machine: however the acts of people and of the platform interleave, every matching
 * event is in the end delivered at least once, or dead with its reason, and in order where that was asked. The invariants
 * are checked in storage after each step.
 */
const MINUTE = 60_000;
const PLAIN = "ep_plain";
const ORDERED = "ep_ordered";
const PICKY = "ep_picky";
const TYPES: Record<string, readonly string[] | null> = { [PLAIN]: null, [ORDERED]: null, [PICKY]: ["b.*"] };
const ENDPOINTS = Object.keys(TYPES);
const urlOf = (id: string) => `http://localhost:7100/${id}`;

type Step =
  | { do: "publish"; types: string[] }
  | { do: "fail" | "heal" | "evict" | "loseAlarm" | "disable" | "enable" | "wait"; id: string }
  | { do: "delete" | "crash" | "evictOutbox" | "loseOutboxAlarm" | "alarms" | "tick" };

const id = fc.constantFrom(...ENDPOINTS);
const types = fc.array(fc.constantFrom("a.one", "b.one"), { minLength: 1, maxLength: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("publish" as const), types }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("fail", "heal", "wait" as const), id }) as fc.Arbitrary<Step>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("evict", "loseAlarm", "disable", "enable" as const),
      id,
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("crash", "evictOutbox", "loseOutboxAlarm", "alarms", "tick", "delete" as const),
    }) as fc.Arbitrary<Step>,
  },
);

function configOf(endpointId: string): EndpointConfig {
  return {
    ...{
      url: urlOf(endpointId),
      enabled: true,
      disabledReason: null,
      types: TYPES[endpointId] ?? null,
      description: "",
    },
    ...{ headers: {}, ordered: endpointId === ORDERED, rateLimit: null, signing: ["v1"], createdAt: 0 },
    secrets: [{ key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expiresAt: null }],
  };
}

/** Notes the seqs that each endpoint has taken, by its own answers: I2 (acked means taken). */
function noteTaken(): Map<string, Set<number>> {
  const taken = new Map(ENDPOINTS.map((endpointId) => [endpointId, new Set<number>()]));
  const { offer } = Endpoint.prototype;
  vi.spyOn(Endpoint.prototype, "offer").mockImplementation(function (this: Endpoint, call) {
    const answer = offer.call(this, call);
    const ours = taken.get(String(this.ctx.id.name).replace("default/", ""));
    if (answer === "taken" || answer === "busy") for (const { seq } of call.events) ours?.add(seq);
    return answer;
  });
  return taken;
}

class Machine {
  #now = Date.UTC(2026, 5, 1);
  readonly failing = new Set<string>();
  readonly taken: ReadonlyMap<string, ReadonlySet<number>>;
  readonly published: { seq: number; id: string; type: string }[] = [];
  #extra = 0;

  constructor(taken: ReadonlyMap<string, ReadonlySet<number>>) {
    this.taken = taken;
  }

  async start(): Promise<void> {
    moveTo(this.#now);
    receiver.answer = ({ url }) => new Response("", { status: this.failing.has(url) ? 500 : 200 });
    for (const endpointId of ENDPOINTS) await outbox().create(endpointId, configOf(endpointId), { at: "now" });
  }

  async run(step: Step): Promise<void> {
    if (step.do === "publish") return this.#publish(step.types);
    if ("id" in step) return this.#toEndpoint(step.do, step.id);
    if (step.do === "crash") await abortAllDurableObjects();
    if (step.do === "evictOutbox") await evictDurableObject(outbox()).catch(() => {});
    if (step.do === "loseOutboxAlarm") await loseAlarm(outbox());
    if (step.do === "alarms") await this.alarms();
    if (step.do === "tick") await this.tick();
    if (step.do === "delete") await this.#createAndDelete();
  }

  async #publish(list: string[]): Promise<void> {
    const result = await publish(...list.map((type) => ({ type })));
    if (!result.ok) throw new Error(result.detail);
    this.published.push(
      ...result.events.map(({ id: eventId, seq }, index) => ({ id: eventId, seq: seq ?? 0, type: list[index] ?? "" })),
    );
  }

  async #toEndpoint(what: string, endpointId: string): Promise<void> {
    if (what === "fail") this.failing.add(urlOf(endpointId));
    if (what === "heal") this.failing.delete(urlOf(endpointId));
    if (what === "wait") this.#pass(6 * MINUTE);
    if (what === "evict") await evictDurableObject(endpoint(endpointId)).catch(() => {});
    if (what === "loseAlarm") await loseAlarm(endpoint(endpointId));
    if (what === "disable" || what === "enable") await outbox().update(endpointId, { enabled: what === "enable" });
  }

  /** Another endpoint comes and goes in the middle of it all. */
  async #createAndDelete(): Promise<void> {
    const other = `ep_other${this.#extra++}`;
    await outbox().create(other, configOf(other), { at: "time", time: 0 });
    await outbox().delete(other);
    expect(await outbox().endpoint(other)).toBeNull();
  }

  async alarms(): Promise<void> {
    await runDurableObjectAlarm(outbox());
    for (const endpointId of ENDPOINTS) await runDurableObjectAlarm(endpoint(endpointId));
  }

  async tick(): Promise<void> {
    this.#pass(MINUTE);
    await outbox().tick(Date.now());
  }

  #pass(ms: number): void {
    this.#now += ms;
    moveTo(this.#now);
  }

  /** Lets every endpoint answer again: by the cron and the alarms, everything must arrive. */
  async settle(): Promise<void> {
    this.failing.clear();
    for (const endpointId of ENDPOINTS) await outbox().update(endpointId, { enabled: true });
    await vi.waitUntil(
      async () => {
        await this.tick();
        await this.alarms();
        this.#pass(30 * MINUTE);
        return (await Promise.all(ENDPOINTS.map((endpointId) => this.missing(endpointId)))).every(
          (list) => list.length === 0,
        );
      },
      // Each look costs more than the deliveries that it waits for.
      { timeout: 20_000, interval: 40 },
    );
  }

  wanted(endpointId: string) {
    return this.published.filter(({ type }) => wantsType(TYPES[endpointId] ?? null, type));
  }

  async missing(endpointId: string): Promise<number[]> {
    const rows = new Map((await deliveries(endpointId)).map((row) => [row.seq, row]));
    return this.wanted(endpointId)
      .filter(({ seq }) => rows.get(seq)?.state !== "delivered" && rows.get(seq)?.state !== "dead")
      .map(({ seq }) => seq);
  }
}

async function loseAlarm(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(stub, async (_instance, state) => state.storage.deleteAlarm());
}

type Stored = {
  head: number;
  handed: { h: number; lag: Record<string, number> };
  alarm: number | null;
  unpushed: number;
  enabled: string[];
};

async function outboxState(): Promise<Stored> {
  return runInDurableObject(outbox(), async (_instance, state) => {
    const one = <Row extends Record<string, SqlStorageValue>>(query: string) =>
      state.storage.sql.exec<Row>(query).toArray();
    const tables = one<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'ev_*'");
    const heads = tables.map(
      ({ name }) => one<{ seq: number | null }>(`SELECT max(seq) AS seq FROM ${name}`)[0]?.seq ?? 0,
    );
    const handed = one<{ value: string }>("SELECT value FROM meta WHERE key = 'handed'")[0]?.value;
    return {
      head: Math.max(0, ...heads),
      handed: handed === undefined ? { h: 0, lag: {} } : JSON.parse(handed),
      alarm: await state.storage.getAlarm(),
      unpushed: one("SELECT id FROM ep WHERE pushed < revision").length,
      enabled: one<{ id: string }>("SELECT id FROM ep WHERE config ->> '$.enabled'").map((row) => row.id),
    };
  });
}

/** Checks I1 to I4; I1 and I3 not where a step has taken an alarm away: the cron must heal that, as `settle` shows. */
async function checkInvariants(machine: Machine, lost: ReadonlySet<string>): Promise<void> {
  const { head, handed: written, alarm, unpushed, enabled } = await outboxState();
  const behind = enabled.some((endpointId) => (written.lag[endpointId] ?? written.h) < head);
  if ((behind || unpushed > 0) && !lost.has("outbox")) expect(alarm, "I1").not.toBeNull();
  for (const endpointId of ENDPOINTS) {
    const view = await outbox().endpoint(endpointId);
    const rows = new Set((await deliveries(endpointId)).map(({ seq }) => seq));
    const [floor, armed] = await runInDurableObject(endpoint(endpointId), async (_instance, state) => {
      const stored = state.storage.sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = 'floor'").toArray();
      return [Number(stored[0]?.value ?? 0), await state.storage.getAlarm()] as const;
    });
    const handed = machine.wanted(endpointId).filter(({ seq }) => seq <= (view?.acked ?? 0));
    expect(
      handed.filter(({ seq }) => !machine.taken.get(endpointId)?.has(seq)),
      `I2 of ${endpointId}`,
    ).toEqual([]);
    const without = machine.wanted(endpointId).filter(({ seq }) => !rows.has(seq));
    expect(
      without.filter(({ seq }) => seq <= floor),
      `I4 of ${endpointId}`,
    ).toEqual([]);
    const taken = without.some(({ seq }) => seq <= (view?.acked ?? 0));
    if (taken && view?.row.config.enabled && !lost.has(endpointId)) expect(armed, `I3 of ${endpointId}`).not.toBeNull();
  }
}

describe("the sender as a state machine", () => {
  it("delivers every matching event, in order where asked, whatever happens on the way", {
    timeout: 120_000,
  }, async () => {
    const taken = noteTaken();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        receiver.sent = [];
        await reset();
        for (const seqs of taken.values()) seqs.clear();
        const machine = new Machine(taken);
        await machine.start();
        const lost = new Set<string>();
        for (const next of steps) {
          await machine.run(next);
          if (next.do === "loseAlarm") lost.add(next.id);
          if (next.do === "loseOutboxAlarm") lost.add("outbox");
          await checkInvariants(machine, lost);
        }
        await machine.settle();
        for (const endpointId of ENDPOINTS) {
          const ours = new Set(machine.published.map(({ id: eventId }) => eventId)); // not the cron's
          const sent = receiver.sent
            .filter(({ url, id: eventId }) => url === urlOf(endpointId) && ours.has(eventId))
            .map(({ id: eventId }) => eventId);
          const wanted = machine.wanted(endpointId).map(({ id: eventId }) => eventId);
          expect(new Set(sent)).toEqual(new Set(wanted));
          if (endpointId === ORDERED) expect([...new Set(sent)]).toEqual(wanted);
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
