import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { type Config, configOf } from "../../../workers/receiver/config.ts";
import { InboxAlerts } from "../../../workers/receiver/inbox/alert-watch.ts";
import type { InboxMemory } from "../../../workers/receiver/inbox/memory.ts";
import { accept, arrival } from "../support/arrivals.ts";
import { armedAt, call, DAY, env, evict, inInbox, pass, SECOND, START, useEmptyStorage } from "../support/harness.ts";

/** The conditions that a log's alarm tells of, each once with its end, over the real storage. */

useEmptyStorage();

const MINUTE = 60 * SECOND;
const TARGET = "https://chat.example/hook";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

let posted: { text: string }[] = [];
let answer = () => new Response("ok");

beforeEach(() => {
  posted = [];
  answer = () => new Response("ok");
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    posted.push((await new Request(input as RequestInfo, init as RequestInit).json()) as { text: string });
    return answer();
  });
});

function configWith({ rules, ...more }: Partial<Config> & { rules: Config["alerts"]["rules"] }): Config {
  return { ...configOf(env), dohUrl: "", alerts: { url: TARGET, format: "slack", rules }, ...more };
}

/** A life of the log's alerts: a new one knows only what the storage has. */
const life = (config: Config, work: (alerts: InboxAlerts, memory: InboxMemory) => void | Promise<void>) =>
  inInbox(async ({ memory }) => {
    const besides = memory.wakesBesides;
    await work(new InboxAlerts(memory, config), memory);
    memory.wakesBesides = besides;
  });

/** Looks and tells, as the alarm does. */
async function look(alerts: InboxAlerts): Promise<string[]> {
  const before = posted.length;
  alerts.look(Date.now());
  await alerts.run();
  return posted.slice(before).map(({ text }) => text);
}

const sources = (silentMs: number | null) => {
  const [name, source] = [...configOf(env).sources][0] ?? [];
  if (name === undefined || source === undefined) throw new Error("there is no source");
  return new Map([[name, { ...source, silentMs }]]);
};

describe("refused requests", () => {
  const config = configWith({ rules: { refused: 10 } });

  it("are told once when there are too many in a minute, and once when there are few again", async () => {
    await life(config, async (alerts) => {
      alerts.refused(9, Date.now());
      expect(await look(alerts)).toEqual([]);
      pass(MINUTE);
      alerts.refused(9, Date.now());
      expect(await look(alerts)).toEqual([]);
      alerts.refused(1, Date.now());
      expect(await look(alerts)).toEqual([expect.stringMatching(/^Alert: The log main refuses requests: 10 within/)]);
      for (let n = 0; n < 1000; n++) alerts.refused(10, Date.now());
      expect(await look(alerts)).toEqual([]);
    });
    // Another life says nothing again.
    await life(config, async (alerts, memory) => {
      expect(await look(alerts)).toEqual([]);
      expect(alerts.view.conditions).toMatchObject([{ rule: "refused", subject: "main", endedAt: null }]);
      expect(memory.wakesBesides(Date.now())).toBeLessThanOrEqual(Date.now() + 5 * MINUTE);
      pass(6 * MINUTE);
      expect(await look(alerts)).toEqual(["Over: The log main refuses few requests again."]);
      expect(await look(alerts)).toEqual([]);
      expect(memory.wakesBesides(Date.now())).toBeNull();
    });
  });

  it("cost a few rows, however many there are", async () => {
    await life(config, async (alerts, memory) => {
      const before = memory.store.sql.rowsWritten;
      for (let n = 0; n < 5000; n++) alerts.refused(3, Date.now());
      expect(memory.store.sql.rowsWritten - before).toBeLessThanOrEqual(3);
      await look(alerts);
    });
  });
});

describe("KV", () => {
  it("that fails for so long is told with what waits, and that it takes events again", async () => {
    await accept("a");
    await life(configWith({ rules: { kv: 10 } }), async (alerts, memory) => {
      const fails = (retryAt: number | null) => {
        memory.state = { ...memory.state, retryAt };
      };
      fails(Date.now() + MINUTE);
      expect(await look(alerts)).toEqual([]);
      expect(memory.wakesBesides(Date.now())).toBe(Date.now() + 10 * MINUTE);
      pass(10 * MINUTE);
      fails(Date.now() + MINUTE);
      expect(await look(alerts)).toEqual([expect.stringMatching(/^Alert: KV fails for the log main: 1 events wait/)]);
      pass(60 * MINUTE);
      expect(await look(alerts)).toEqual([]);
      fails(null);
      expect(await look(alerts)).toEqual(["Over: KV takes the events of the log main again."]);
    });
  });
});

describe("the storage", () => {
  it("is told of when it has filled so far, and ends well below", async () => {
    await life(configWith({ rules: { storage: 70 }, storageLimit: 1 }), async (alerts) => {
      expect(await look(alerts)).toEqual([expect.stringContaining("% of its storage")]);
      expect(await look(alerts)).toEqual([]);
    });
    await life(configWith({ rules: { storage: 70 } }), async (alerts) => {
      expect(await look(alerts)).toEqual([expect.stringMatching(/^Over: The Inbox of the log main has used 0 %/)]);
    });
  });
});

describe("a silent source", () => {
  const config = configWith({ rules: { silent: 0 }, sources: sources(30 * MINUTE) });

  it("that has never sent is told once its time is over, also over restarts", async () => {
    await life(config, async (alerts, memory) => {
      expect(memory.wakesBesides(Date.now())).toBe(START + 30 * MINUTE);
      expect(await look(alerts)).toEqual([]);
    });
    pass(20 * MINUTE);
    await evict();
    await life(config, async (alerts) => expect(await look(alerts)).toEqual([]));
    pass(10 * MINUTE);
    await evict();
    await life(config, async (alerts) => {
      expect(await look(alerts)).toEqual(["Alert: The source default is silent: no event since 2040-01-01 00:00 UTC."]);
      expect(await look(alerts)).toEqual([]);
    });
  });

  it("is told of once, and its next event ends that", async () => {
    await accept("a");
    pass(29 * MINUTE);
    await life(config, async (alerts, memory) => {
      expect(await look(alerts)).toEqual([]);
      expect(memory.wakesBesides(Date.now())).toBe(START + 30 * MINUTE);
    });
    pass(2 * MINUTE);
    await life(config, async (alerts) => {
      expect(await look(alerts)).toEqual([expect.stringContaining("no event since 2040-01-01 00:00 UTC")]);
      pass(DAY);
      expect(await look(alerts)).toEqual([]);
      alerts.received([arrival("b")], Date.now());
      expect(await look(alerts)).toEqual([expect.stringMatching(/^Over: The source default sends again/)]);
    });
  });

  it("is known by the segments in KV where no tail has its events", async () => {
    await accept("a");
    await inInbox(({ memory }) => {
      memory.store.ledger.addSegment(
        {
          firstSeq: 900,
          lastSeq: 900,
          epoch: "e",
          n: 1,
          bytes: 1,
          from: START,
          to: START + MINUTE,
          putAt: START,
          misses: 0,
        },
        { other: 1 },
        null,
      );
      expect(memory.store.ledger.lastAt("other")).toBe(START + MINUTE);
      expect(memory.store.ledger.lastAt("none")).toBeNull();
      expect(memory.store.tails.lastAt("default")).toBe(START);
    });
  });
});

describe("alerts", () => {
  it("that the server does not take are sent again later, with the same words", async () => {
    answer = () => new Response("", { status: 500 });
    await life(configWith({ rules: { refused: 1 } }), async (alerts, memory) => {
      alerts.refused(1, Date.now());
      const [first] = await look(alerts);
      expect(memory.wakesBesides(Date.now())).toBe(Date.now() + MINUTE);
      expect(await look(alerts)).toEqual([]);
      pass(MINUTE);
      answer = () => new Response("ok");
      expect(await look(alerts)).toEqual([first]);
      pass(MINUTE);
      expect(await look(alerts)).toEqual([]);
    });
  });

  it("whose rule is turned off end", async () => {
    await life(configWith({ rules: { refused: 1 } }), async (alerts) => {
      alerts.refused(1, Date.now());
      await look(alerts);
    });
    await life(configWith({ rules: { kv: 1 } }), async (alerts) => {
      expect(await look(alerts)).toEqual(['Over: The rule "refused" was turned off.']);
    });
  });

  it("as events are signed with FORWARD_SECRET, and say what is missing without it", async () => {
    const alertsOf = (format: Config["alerts"]["format"]) => ({ url: TARGET, format, rules: { refused: 1 } });
    await life({ ...configWith({ rules: {} }), alerts: alertsOf("standard") }, async (alerts) => {
      expect(await alerts.test()).toMatchObject({ status: 0, code: "secret_unusable" });
    });
    const forwardSecret = { state: "ready", keys: parseSecrets("test", SECRET) } as const;
    await life({ ...configWith({ rules: {} }), alerts: alertsOf("standard"), forwardSecret }, async (alerts) => {
      expect(await alerts.test()).toMatchObject({ status: 200, response: "ok" });
      expect(posted).toMatchObject([{ type: "alert.test", data: { text: expect.stringContaining("receiver") } }]);
      for (let n = 2; n <= 5; n++) await alerts.test();
      expect(await alerts.test()).toEqual({ waitSeconds: 60 });
      pass(MINUTE);
      expect(await alerts.test()).toMatchObject({ status: 200 });
    });
  });

  it("to an address that may not be called are not sent", async () => {
    const config = configWith({ rules: {} });
    const alerts = { ...config.alerts, url: "http://10.0.0.1/" };
    await life({ ...config, alerts }, async (watch) => {
      expect(await watch.test()).toMatchObject({ status: 0, code: "address_forbidden" });
    });
    expect(posted).toEqual([]);
  });

  it("are off without a URL: no row, no alarm, and a test that says so", async () => {
    await life(
      { ...configWith({ rules: {} }), alerts: { url: null, format: "slack", rules: {} } },
      async (alerts, memory) => {
        const before = memory.store.sql.rowsWritten;
        alerts.refused(1000, Date.now());
        expect(await look(alerts)).toEqual([]);
        expect([memory.store.sql.rowsWritten - before, memory.wakesBesides(Date.now())]).toEqual([0, null]);
      },
    );
    expect(await armedAt()).toBeNull();
    const shown = await call("/alerts");
    expect(await shown.json()).toEqual({
      ...{ enabled: false, format: "standard", rules: {}, conditions: [], lastSent: null },
    });
    const tested = await call("/alerts/test", { method: "POST" });
    expect([tested.status, await tested.json()]).toMatchObject([409, { code: "alerts_off" }]);
  });
});
