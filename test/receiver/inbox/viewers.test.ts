import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Page } from "../../../workers/receiver/event/page.ts";
import { get, inbox, pass, SECOND, START, send, sendMany, setTime } from "../support/harness.ts";
import { leaveAll, type Message, Stream, seqsOf, Viewer } from "../support/live-harness.ts";

beforeEach(() => setTime(START));
afterEach(async () => {
  await leaveAll();
  await reset();
});

const TYPES = ["order.paid", "user.new"];
const FILTERS = ["", "type=order.paid", "type=user.*", "type=none"];

/** Returns the seqs that a viewer with this filter sees. */
function wantedOf(log: readonly string[], filter: string): number[] {
  const prefix = filter.slice("type=".length).replace("*", "");
  return log.flatMap((type, index) => (type.startsWith(prefix) ? [index + 1] : []));
}

/** A client of the socket's protocol: asks, takes what comes, pages over HTTP when it is behind, comes back. */
class Client {
  readonly seen: number[] = [];
  readonly filter: string;
  #viewer: Viewer | null = null;
  #next = 0;

  constructor(filter: string) {
    this.filter = filter;
  }

  /** Connects and asks, unless it is connected: it may have been closed for not asking in time. */
  async connect(): Promise<void> {
    if (this.#viewer?.isOpen === false) this.#viewer = null;
    this.#viewer ??= await Viewer.open(`?after=${this.#next}&${this.filter}`);
  }

  async disconnect(): Promise<void> {
    await this.#viewer?.leave();
    this.#viewer = null;
  }

  /** Takes one answer, if there is one within `ms`, and asks again. */
  async turn(ms = 10): Promise<void> {
    const text = await this.#viewer?.text(ms);
    if (text === null || text === undefined) return;
    await this.#take(JSON.parse(text) as Message);
    if (this.#viewer?.isOpen) this.#viewer.put(this.#next);
  }

  /** Takes answers until `count` events are there, and one more if it comes. */
  async finish(count: number): Promise<number[]> {
    const deadline = performance.now() + 5000;
    do {
      await this.turn();
      await this.connect();
    } while (this.seen.length < count && performance.now() < deadline);
    await this.turn();
    return this.seen;
  }

  async #take({ events = [], next, behind = 0, reset }: Message): Promise<void> {
    expect(reset).toBeUndefined();
    this.#keep(events, next);
    while (this.#next < behind) {
      const page = await get<Page>(`/events?after=${this.#next}&limit=7&${this.filter}`);
      this.#keep(page.events, page.next ?? undefined);
    }
  }

  #keep(events: readonly { seq: number }[], next: number | undefined): void {
    this.seen.push(...seqsOf(events));
    if (next === undefined) return;
    expect(next).toBeGreaterThan(this.#next);
    this.#next = next;
  }
}

type Step =
  | { kind: "arrive"; types: number[] }
  | { kind: "flush" }
  | { kind: "evict" }
  | { kind: "connect" | "turn" | "disconnect"; client: number };

const someone = fc.nat(FILTERS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("arrive" as const),
      types: fc.array(fc.nat(1), { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "evict" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("connect" as const), client: someone }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("turn" as const), client: someone }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disconnect" as const), client: someone }) },
);

describe("LiveViewers", () => {
  it("show each viewer the log once and in order, whatever happens in between", async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await leaveAll();
      await reset();
      setTime(START);
      const log: string[] = [];
      const clients = FILTERS.map((filter) => new Client(filter));
      for (const action of steps) await take(action, clients, log);
      for (const client of clients) {
        const wanted = wantedOf(log, client.filter);
        expect(await client.finish(wanted.length)).toEqual(wanted);
      }
    });
    await fc.assert(property, { numRuns: 8 });
  });

  async function take(action: Step, clients: Client[], log: string[]): Promise<void> {
    switch (action.kind) {
      case "arrive":
        for (const index of action.types) {
          const type = TYPES[index] ?? "";
          log.push(type);
          await send(`msg_${log.length}`, JSON.stringify({ type }));
        }
        return;
      case "flush":
        pass(300 * SECOND);
        await runDurableObjectAlarm(inbox());
        return;
      case "evict":
        // Only a running object can be evicted.
        await inbox().status();
        return evictDurableObject(inbox());
      default:
        await clients[action.client]?.[action.kind]();
    }
  }
});

describe("200 viewers of all kinds", () => {
  const EVENTS = 400;
  const VIEWERS = 200;

  const kinds = [
    async (seen: number[]) => {
      const viewer = await Viewer.open();
      for (let next = 0; seen.length < EVENTS; ) {
        const batch = await viewer.ask(next);
        seen.push(...seqsOf(batch.events ?? []));
        next = batch.next ?? next;
      }
    },
    async (seen: number[]) => {
      while (seen.length < EVENTS) {
        const stream = await Stream.open("", { "last-event-id": String(seen.at(-1) ?? 0) });
        seen.push(...seqsOf(await stream.events(EVENTS - seen.length)));
      }
    },
    async (seen: number[]) => {
      while (seen.length < EVENTS) {
        const { events } = await get<Page>(`/events?after=${seen.at(-1) ?? 0}&limit=100&wait=30`);
        seen.push(...seqsOf(events));
      }
    },
  ];

  it(`see each of ${EVENTS} events exactly once and in order`, async () => {
    // Rounds are spaced by the clock, which must run.
    vi.useRealTimers();
    const all = Array.from({ length: VIEWERS }, () => [] as number[]);
    const watching = all.map((seen, index) => kinds[index % kinds.length]?.(seen));
    for (let sent = 0; sent < EVENTS; sent += 50) await sendMany(50, `b${sent}_`);
    await Promise.all(watching);
    const wanted = Array.from({ length: EVENTS }, (_, index) => index + 1);
    for (const seen of all) expect(seen).toEqual(wanted);
  }, 60_000);
});
