import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { visible as visibleOnServer } from "../../shared/pages/visible.ts";
import * as server from "../../workers/receiver/viewer/parts/text.ts";

/** Types of the modules that the browser loads, written down here because the Workers import them as text. */
type Part = { from: number; to: number };
type Batch = { events: { seq: number }[]; next: number; end?: boolean; missing?: Part[] };
type Wiring = {
  after: number;
  socket(after: number): FakeSocket;
  page(after: number, wait: number): Promise<Batch | null>;
  deliver(events: { seq: number }[]): void;
  again(events: { seq: number; times: number }[]): void;
  missing(parts: Part[]): void;
  state(state: string): void;
  reset(): void;
  pause(ms: number): Promise<void>;
  random(): number;
};
type Follow = { follow(wiring: Wiring): Promise<void>; backoff(failures: number, random: number): number };
type Hours = { from: number; hours: readonly number[] };
type HoursModule = { moved(hours: Hours, now: number): Hours; counted(hours: Hours, at: number): Hours };
type Say = { state(text: string): void; count(text: string): void };
type SpeechModule = { Speech: new (say: Say) => { state(state: string): void; events(count: number): void } };
type LocalTime = { localText(at: number, form: "second" | "exact" | "hour"): string };
type Text = { agoText(ms: number): string } & typeof server & { visible(text: string): string };

const client = "../../workers/receiver/viewer/client";
const { follow, backoff }: Follow = await import(`${client}/follow.js`);
const { moved, counted }: HoursModule = await import(`${client}/hours.js`);
const { Speech }: SpeechModule = await import(`${client}/speech.js`);
const text: Text = await import(`${client}/text.js`);
const { localText }: LocalTime = await import("../../shared/pages/client/local-time.js" as string);

const BATCH = 3;

/** A log that answers as the Inbox does; events at or below `floor` are not in its tails. */
class FakeLog {
  head = 0;
  floor = 0;
  blocked = false;
  deaf = false;
  down = false;
  /** Sockets open, but no message gets through. */
  mute = false;
  pageMs = 0;
  pages = 0;
  /** Events that cannot be read. */
  lost: number[] = [];
  sockets: FakeSocket[] = [];

  batch(after: number): Batch {
    const events = Array.from({ length: Math.min(BATCH, this.head - after) }, (_, index) => ({
      seq: after + 1 + index,
    }));
    const next = events.at(-1)?.seq ?? after;
    const missing = events.filter(({ seq }) => this.lost.includes(seq)).map(({ seq }) => ({ from: seq, to: seq }));
    const batch = { events: events.filter(({ seq }) => !this.lost.includes(seq)), next };
    return { ...batch, ...(next === this.head && { end: true }), ...(missing.length > 0 && { missing }) };
  }

  append(count: number): void {
    this.head += count;
    for (const socket of this.sockets) socket.serve();
  }

  async page(after: number, wait: number): Promise<Batch | null> {
    this.pages += 1;
    await (this.pageMs > 0 ? new Promise((done) => setTimeout(done, this.pageMs)) : null);
    if (this.down) throw new Error("unreachable");
    if (after > this.head) return null;
    if (wait > 0 && after === this.head) await new Promise((done) => setTimeout(done, wait * 1000));
    return this.batch(after);
  }
}

class FakeSocket extends EventTarget {
  readonly #log: FakeLog;
  #asked: number | null;
  /** The last answer's receipt, which the next question must bring back. */
  #receipt = 0;

  constructor(log: FakeLog, after: number) {
    super();
    this.#log = log;
    this.#asked = after;
    log.sockets.push(this);
    queueMicrotask(() => {
      if (log.blocked || log.down) return this.break();
      this.dispatchEvent(new Event("open"));
      this.serve();
    });
  }

  send(message: string): void {
    if (message === "ping") {
      if (!this.#log.deaf) this.#say("pong");
      return;
    }
    const { more, receipt } = JSON.parse(message) as { more: number; receipt: unknown };
    expect(receipt).toBe(String(this.#receipt));
    this.#asked = more;
    queueMicrotask(() => this.serve());
  }

  /** Answers the open question, if there is an answer. */
  serve(): void {
    const { head, floor, deaf } = this.#log;
    const asked = this.#asked;
    if (asked === null || deaf || asked === head) return;
    this.#asked = null;
    if (asked > head) this.#answer({ reset: head });
    else if (asked < floor) this.#answer({ behind: floor });
    else this.#answer(this.#log.batch(asked));
  }

  /** Tells what came again; the same question follows. */
  tell(repeated: object[]): void {
    this.#answer({ events: [], repeated, next: this.#asked, end: true });
  }

  /** The connection ends; the other side hears of it. */
  break(): void {
    this.close();
    this.dispatchEvent(new Event("close"));
  }

  close(): void {
    this.#log.sockets = this.#log.sockets.filter((socket) => socket !== this);
  }

  #answer(answer: object): void {
    this.#receipt += 1;
    this.#say(JSON.stringify({ ...answer, receipt: String(this.#receipt) }));
  }

  #say(data: string): void {
    if (this.#log.mute) return;
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

let log = new FakeLog();
let seen: number[] = [];
let again: string[] = [];
let missing: Part[] = [];
let states: string[] = [];
let resets = 0;

/** Starts a viewer of a log of its own: viewers of earlier cases go on, and must not be heard any more. */
function start(after = 0, connect = (own: FakeLog, from: number) => new FakeSocket(own, from)): void {
  const [own, delivered, told, said] = [new FakeLog(), [] as number[], [] as string[], [] as string[]];
  [log, seen, again, states, resets] = [own, delivered, told, said, 0];
  const parts: Part[] = [];
  missing = parts;
  void follow({
    after,
    socket: (from) => connect(own, from),
    page: (from, wait) => own.page(from, wait),
    deliver: (events) => {
      delivered.push(...events.map(({ seq }) => seq));
    },
    again: (events) => {
      told.push(...events.map(({ seq, times }) => `${seq}: ${times}`));
    },
    missing: (named) => {
      parts.push(...named);
    },
    state: (state) => {
      if (said.at(-1) !== state) said.push(state);
    },
    reset: () => {
      resets += 1;
    },
    pause: (ms) => new Promise((done) => setTimeout(done, ms)),
    random: () => 0.5,
  });
}

const upTo = (head: number) => Array.from({ length: head }, (_, index) => index + 1);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("follow", () => {
  it("hears what came again, and goes on", async () => {
    start(3);
    log.head = 3;
    await pass(10);
    log.sockets[0]?.tell([{ seq: 2, times: 1, lastAt: "" }]);
    await pass(10);
    log.head = 4;
    log.sockets[0]?.serve();
    await pass(10);
    expect([again, seen, states]).toEqual([["2: 1"], [4], ["live"]]);
  });

  it.each([0, 8])("names what cannot be read and goes on, with the tails from %i on", async (floor) => {
    start();
    [log.head, log.floor, log.lost] = [11, floor, [4, 5]];
    await pass(0);
    expect([seen, states.at(-1)]).toEqual([upTo(11).filter((seq) => seq !== 4 && seq !== 5), "live"]);
    expect(missing).toEqual([4, 5].map((seq) => ({ from: seq, to: seq })));
  });

  it("delivers what was there and what comes, each once and in order", async () => {
    start();
    log.head = 7;
    await pass(0);
    expect([seen, states]).toEqual([upTo(7), ["live", "catching up", "live"]]);
    log.append(1);
    await pass(0);
    expect(seen).toEqual(upTo(8));
  });

  it("pages over HTTP what is in no tail any more", async () => {
    start();
    [log.head, log.floor] = [11, 8];
    await pass(0);
    expect([seen, states.at(-1)]).toEqual([upTo(11), "live"]);
  });

  it("connects again where it was", async () => {
    start();
    log.head = 4;
    await pass(0);
    log.sockets[0]?.break();
    log.append(5);
    await pass(0);
    expect([seen, states.at(-1)]).toEqual([upTo(4), "reconnecting"]);
    await pass(60_000);
    expect([seen, states.at(-1)]).toEqual([upTo(9), "live"]);
  });

  it("polls where no socket gets through, and tries one again", async () => {
    start();
    log.blocked = true;
    await pass(5_000);
    log.head = 5;
    await pass(30_000);
    expect([seen, log.sockets.length]).toEqual([upTo(5), 0]);
    log.blocked = false;
    await pass(12 * 25_000);
    log.append(2);
    await pass(0);
    expect([seen, log.sockets.length, states.at(-1)]).toEqual([upTo(7), 1, "live"]);
  });

  it("polls where sockets open and say nothing", async () => {
    start();
    log.mute = true;
    log.head = 2;
    await pass(100_000);
    log.append(3);
    await pass(30_000);
    expect(seen).toEqual(upTo(5));
  });

  it("polls where the browser refuses to make a socket", async () => {
    start(0, () => {
      throw new DOMException("blocked", "SecurityError");
    });
    log.head = 2;
    await pass(30_000);
    expect([seen, states.at(-1)]).toEqual([upTo(2), "live"]);
  });

  it("asks for a page again that never comes", async () => {
    start();
    log.blocked = true;
    log.pageMs = 1e9;
    await pass(60_000);
    log.pageMs = 0;
    log.head = 2;
    await pass(120_000);
    expect(seen).toEqual(upTo(2));
  });

  it("pages a long way with one question at a time, whatever becomes of its sockets", async () => {
    start();
    log.pageMs = 1_000;
    [log.head, log.floor] = [300, 300];
    for (let breaks = 0; breaks < 5; breaks++) {
      await pass(5_000);
      log.sockets[0]?.break();
    }
    const before = log.pages;
    await pass(20_000);
    expect(log.pages - before).toBeLessThan(25);
    await pass(100_000);
    expect(seen).toEqual(upTo(300));
  });

  it("comes back from an outage of everything", async () => {
    start();
    log.down = true;
    await pass(300_000);
    expect(states.at(-1)).toBe("reconnecting");
    log.down = false;
    log.head = 3;
    await pass(60_000);
    expect(seen).toEqual(upTo(3));
  });

  it("leaves a connection that broke without a word", async () => {
    start();
    await pass(0);
    const [first] = log.sockets;
    log.deaf = true;
    await pass(40_000);
    expect(log.sockets).not.toContain(first);
    log.deaf = false;
    log.head = 2;
    await pass(60_000);
    expect(seen).toEqual(upTo(2));
  });

  it("keeps a quiet connection", async () => {
    start();
    await pass(0);
    const [first] = log.sockets;
    await pass(3_600_000);
    expect(log.sockets).toEqual([first]);
  });

  it.each([
    ["a socket", false],
    ["a poll", true],
  ])("says once that the log was made anew, by %s", async (_name, blocked) => {
    start(9);
    log.blocked = blocked;
    await pass(60_000);
    expect([resets, seen]).toEqual([1, []]);
  });

  it("has no gap and no repeat, whatever breaks", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomOf(seed);
      start();
      for (let step = 0; step < 60; step++) {
        const choice = random();
        if (choice < 0.4) log.append(Math.ceil(random() * 5));
        else if (choice < 0.55) log.sockets[0]?.break();
        else if (choice < 0.65) log.floor = Math.floor(log.head * random());
        else if (choice < 0.75) log.blocked = !log.blocked;
        else if (choice < 0.8) log.down = !log.down;
        else await pass(random() * 20_000);
      }
      [log.blocked, log.down] = [false, false];
      await pass(400_000);
      expect(seen, `seed ${seed}`).toEqual(upTo(log.head));
    }
  });
});

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("backoff", () => {
  it.each([
    [0, 0, 500],
    [0, 1, 1000],
    [3, 1, 8000],
    [10, 1, 30_000],
    [10, 0, 15_000],
  ])("after %i failures with chance %d: %i ms", (failures, random, ms) => expect(backoff(failures, random)).toBe(ms));
});

describe("agoText", () => {
  it.each([
    [-5_000, "now"],
    [400, "now"],
    [1_000, "1 s ago"],
    [59_000, "59 s ago"],
    [60_000, "1 min ago"],
    [3_599_000, "59 min ago"],
    [7_200_000, "2 h ago"],
    [172_800_000, "2 d ago"],
  ])("%i ms: %s", (ms, words) => expect(text.agoText(ms)).toBe(words));
});

describe("what the script writes", () => {
  it("is what the server writes", () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join("");
    expect(text.visible(all)).toBe(visibleOnServer(all));
    expect(text.bytesText(1_048_576)).toBe(server.bytesText(1_048_576));
    for (const times of [0, 1, 2, 1234]) expect(text.repeatedText(times)).toBe(server.repeatedText(times));
    for (const hours of [[0], [1, 0], [1200, 34]]) {
      expect(text.arrivalsLabel(hours)).toBe(server.arrivalsLabel(hours));
      expect(text.arrivalsSummary(hours)).toBe(server.arrivalsSummary(hours));
    }
  });
});

describe("a moment in the reader's time", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    ["UTC", "second", "2040-01-02 23:04:05"],
    ["Asia/Kathmandu", "second", "2040-01-03 04:49:05"],
    ["America/New_York", "exact", "2040-01-02 18:04:05.678"],
    ["Asia/Kolkata", "hour", "04:34"],
  ] as const)("is in %s, to the %s: %s", (zone, form, words) => {
    vi.stubEnv("TZ", zone);
    expect(localText(Date.parse("2040-01-02T23:04:05.678Z"), form)).toBe(words);
  });

  it("follows the change to summer time", () => {
    vi.stubEnv("TZ", "Europe/Zurich");
    const times = ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"].map((at) => localText(Date.parse(at), "second"));
    expect(times).toEqual(["2026-03-29 01:59:59", "2026-03-29 03:00:00"]);
  });
});

describe("the hours of the last day", () => {
  const HOUR_MS = 3_600_000;
  const from = 1000 * HOUR_MS;
  const day = { from, hours: Array.from({ length: 24 }, (_, hour) => hour + 1) };
  const zeros = (count: number) => Array.from({ length: count }, () => 0);

  it.each([
    ["stay as they are within the hour", 24 * HOUR_MS - 1, 0, day.hours],
    ["stay as they are for a clock that is behind", -5 * HOUR_MS, 0, day.hours],
    ["lose the first when the next begins", 24 * HOUR_MS, 1, [...day.hours.slice(1), 0]],
    ["lose all in two days", 72 * HOUR_MS - 1, 48, zeros(24)],
  ])("%s", (_name, after, gone, hours) => {
    expect(moved(day, from + after)).toEqual({ from: from + gone * HOUR_MS, hours });
  });

  it.each([
    ["in its hour", 3 * HOUR_MS, 0, day.hours.with(3, 5)],
    ["in an hour that has begun with it", 25 * HOUR_MS, 2, [...day.hours.slice(2), 0, 1]],
    ["nowhere when it is older", -1, 0, day.hours],
  ])("count an event %s", (_name, at, gone, hours) => {
    expect(counted(day, from + at)).toEqual({ from: from + gone * HOUR_MS, hours });
  });
});

describe("Speech", () => {
  const listen = () => {
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    return { said, speech: new Speech({ state: say, count: say }) };
  };

  it("tells of a state that lasts, once, and not that all is as expected", async () => {
    const { said, speech } = listen();
    for (const state of ["live", "reconnecting", "live"]) speech.state(state);
    await pass(5_000);
    for (let flaps = 0; flaps < 50; flaps++) {
      speech.state("catching up");
      await pass(100);
      speech.state("live");
      await pass(1_900);
    }
    expect(said).toEqual([]);
    for (const state of ["reconnecting", "reconnecting", "live", "live"]) {
      speech.state(state);
      await pass(2_000);
    }
    expect(said).toEqual(["reconnecting", "live"]);
  });

  it("counts what came, every ten seconds at most", async () => {
    const { said, speech } = listen();
    for (let burst = 0; burst < 100; burst++) {
      speech.events(3);
      await pass(100);
    }
    speech.events(1);
    await pass(10_000);
    expect(said).toEqual(["300 new events", "1 new event"]);
    await pass(60_000);
    expect(said).toHaveLength(2);
  });
});
