import { busySender, calmSender, type Endpoints, receiver } from "./cost/counting.ts";
import { type Bill, dollarsAMillion, freeADay, ITEMS, plus } from "./cost/prices.ts";
import { type RouteTime, receiverRoutes, senderRoutes } from "./cost/routes.ts";
import type { Limit } from "./support/limits.ts";
import { type Choice, type Pair, running, startWorkers } from "./support/start.ts";
import { markdownTable } from "./support/table.ts";
import { print, type Sink, startSink } from "./support/tools.ts";

/**
 * `npm run bench cost`: the bill of an event, from operations that are counted while the Workers run, and the processor
 * time of a request on each route. Prints the tables of test/README.md.
 */

const SETTINGS: Endpoints[] = [1, 10].flatMap((count) => [10, 100, 1000].map((ms) => ({ ms, count })));
const COUNTED: Choice = { only: ["sender", "receiver"], entry: "counted" };
/** Events of a lease and of a segment when an event comes every four seconds, as the free plan carries them. */
const CALM_EVENTS = 75;
const CALM_SECONDS = 300;
/** The calm is run faster: its lease and its segments take so many seconds. */
const FASTER = { lease: 5, flush: 2 };
/** Events one after the other at a slow endpoint. */
const FEW = 12;
/** The cron's tick of each minute: its own request, a call of the Outbox, and one that wakes an endpoint. */
const DAILY = { requests: 1440, objectCalls: 2880 };
const MOST_MS = 10;

type Row = { who: string; bill: Bill };

export async function measureCost(): Promise<Limit[]> {
  const sink = await startSink();
  try {
    const busy = { LEASE_SECONDS: String(CALM_SECONDS), FLUSH_SECONDS: String(CALM_SECONDS), GRACE_SECONDS: "2" };
    print(busyTable(await counted(busy, (pair) => busyBills(pair, sink))));
    const calm = { LEASE_SECONDS: String(FASTER.lease), FLUSH_SECONDS: String(FASTER.flush), GRACE_SECONDS: "2" };
    print(calmTable(await counted(calm, (pair) => calmBills(pair, sink))));
    const times = [
      ...(await running(startWorkers({ WEBHOOK_URL: "" }, { only: ["sender"] }), (pair) => senderRoutes(pair, sink))),
      ...(await running(startWorkers({ WEBHOOK_URL: "" }, { only: ["receiver"] }), receiverRoutes)),
    ];
    print(routesTable(times));
    return times.map(({ who, route, ms }) => ({
      what: `a request to the ${who}, ${route}`,
      value: ms,
      atMost: MOST_MS,
      unit: " ms",
    }));
  } finally {
    sink.close();
  }
}

function counted<Result>(vars: Record<string, string>, run: (pair: Pair) => Promise<Result>): Promise<Result> {
  return running(startWorkers({ WEBHOOK_URL: "", ...vars }, COUNTED), run);
}

async function busyBills(pair: Pair, sink: Sink): Promise<Row[]> {
  const rows: Row[] = [];
  for (const setting of SETTINGS) rows.push({ who: nameOf(setting), bill: await busySender(pair, sink, setting) });
  rows.push({ who: "receiver", bill: await receiver(pair, { amount: 1000, ratePerSecond: 50 }, 5000) });
  return rows;
}

/** The bookkeeping of a lease is counted with the fastest endpoints, as the time of an answer does not change it. */
async function calmBills(pair: Pair, sink: Sink): Promise<Row[]> {
  const rows: Row[] = [];
  let bookkeeping: Bill | null = null;
  for (const setting of SETTINGS) {
    const bill = await calmSender(pair, sink, setting, setting.ms === 10 ? CALM_EVENTS : FEW);
    if (setting.ms === 10) bookkeeping = bill;
    rows.push({ who: nameOf(setting), bill: { ...bill, ...bookkeeping, objectMs: bill.objectMs } });
  }
  const ratePerSecond = CALM_EVENTS / FASTER.flush;
  rows.push({ who: "receiver", bill: await receiver(pair, { amount: 4 * CALM_EVENTS, ratePerSecond }, 8000) });
  return rows;
}

function nameOf({ ms, count }: Endpoints): string {
  return `sender, ${count === 1 ? "1 endpoint" : `${count} endpoints`} of ${ms} ms`;
}

function busyTable(rows: readonly Row[]): string {
  const items = ITEMS.filter(({ of }) => rows.some(({ bill }) => of(bill) > 0));
  return markdownTable(
    ["10 events a second", ...items.map(({ name }) => name), "$ a million"],
    rows.map(({ who, bill }) => [who, ...items.map(({ of }) => figure(of(bill))), dollarsAMillion(bill).toFixed(2)]),
  );
}

function calmTable(rows: readonly Row[]): string {
  const items = ITEMS.filter(({ of, aDay }) => aDay !== null && rows.some(({ bill }) => of(bill) > 0));
  const [sender, receiver] = [rows[0], rows.at(-1)];
  const both =
    sender && receiver ? [{ who: "both, as in the first line", bill: plus(sender.bill, receiver.bill) }] : [];
  return markdownTable(
    ["one event at a time", ...items.map(({ name }) => name), "free a day", "ended by"],
    [...rows, ...both].map(({ who, bill }) => {
      const { events, limit } = freeADay(bill, who === "receiver" ? {} : DAILY);
      return [who, ...items.map(({ of }) => figure(of(bill))), events.toLocaleString("en"), limit];
    }),
  );
}

function routesTable(times: readonly RouteTime[]): string {
  return markdownTable(
    ["request", "processor ms"],
    times.map(({ who, route, ms }) => [`${who}, \`${route}\``, ms.toFixed(2)]),
  );
}

/** Returns a number with three digits that count. */
function figure(value: number): string {
  return value === 0 ? "0" : String(Number(value.toPrecision(3)));
}
