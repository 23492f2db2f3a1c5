import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { type Pair, SECRET, TOKEN } from "./support/start.ts";
import { drive, print, until } from "./support/tools.ts";

/** `npm run bench log`: pages, searches and exports of logs of growing size, nearly all of them in KV. */

const SIZES = [1_000, 10_000, 100_000];
const PAGES = 40;
/** Events of a page in a search. */
const SEARCH_LIMIT = 1000;
const NEEDLE = "needle-4711";
/** The needle's place: near the old end, as a search begins with the newest. */
const NEEDLE_AT = 100;

/** Milliseconds that a page, a search or an export may take at the largest size. */
const LIMITS = {
  "first page": 50,
  "page by cursor": 100,
  "first hit": 100,
  "search for what is there once": 100,
  "search for what is nowhere": 100,
  "search for what is in every event": 500,
  "export as ndjson": 495,
  "export as csv": 885,
};

const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

type Page = { events: { seq: number }[]; next: number | null };

export async function measureLog(pair: Pair): Promise<Limit[]> {
  let limits: Limit[] = [];
  let size = 0;
  const add = async (amount: number, text?: string) => {
    if (amount > 0) await fill(pair, amount, text);
    size += amount;
  };
  await add(NEEDLE_AT - 1);
  await add(1, NEEDLE);
  for (const wanted of SIZES) {
    await add(wanted - size);
    await until("the newest event is in a segment", () => isStored(pair, size));
    print(`${size} events`);
    // The limits are for the largest size, which comes last.
    limits = [
      ...(await measurePages(pair, size)),
      ...(await measureSearch(pair, NEEDLE, "there once", 1)),
      ...(await measureSearch(pair, "absent-4711", "nowhere", 0)),
      ...(await measureSearch(pair, "BENCH.sent", "in every event", size)),
      await measureExport(pair, "ndjson", size),
      await measureExport(pair, "csv", size + 1),
    ];
  }
  return limits;
}

async function fill({ urls }: Pair, amount: number, text?: string): Promise<void> {
  const load = {
    url: `${urls.receiver}/webhook`,
    connections: Math.min(50, amount),
    amount,
    ratePerSecond: null,
    secret: SECRET,
  };
  const { failed } = await drive(text === undefined ? load : { ...load, text });
  if (failed > 0) throw new Error(`${failed} webhooks failed`);
}

async function isStored({ urls }: Pair, seq: number): Promise<boolean> {
  const response = await fetch(`${urls.receiver}/measured/place?seq=${seq}`);
  return (await response.json()) === "segment";
}

async function measurePages(pair: Pair, size: number): Promise<Limit[]> {
  const first: number[] = [];
  const byCursor: number[] = [];
  for (let turn = 0; turn < PAGES; turn++) {
    first.push(await timed(() => get(pair, "")));
    const order = turn % 2 === 0 ? "after" : "before";
    const cursor = 1 + Math.floor(((size - 1) * turn) / PAGES);
    byCursor.push(await timed(() => get(pair, `&${order}=${cursor}`)));
  }
  return ([["first page", first] as const, ["page by cursor", byCursor] as const] as const).map(([name, samples]) => {
    const slowest = limit(name, Math.max(...samples), `slowest of ${PAGES}`);
    print(`  ${name}: p50 ${percentile(samples, 0.5).toFixed(1)} ms, slowest of ${PAGES} ${textOf(slowest)}`);
    return slowest;
  });
}

/** Follows `next` to the log's start. @throws Error unless the search finds the expected number of events */
async function measureSearch(
  pair: Pair,
  q: string,
  where: "there once" | "nowhere" | "in every event",
  expected: number,
): Promise<Limit[]> {
  const began = performance.now();
  let firstHit: number | null = null;
  let [hits, requests] = [0, 0];
  for (let next: number | null | undefined; next !== null; requests++) {
    const page: Page = await get(pair, `&limit=${SEARCH_LIMIT}&q=${q}${next === undefined ? "" : `&before=${next}`}`);
    hits += page.events.length;
    if (hits > 0) firstHit ??= performance.now() - began;
    next = page.next;
  }
  if (hits !== expected) throw new Error(`${q} was found ${hits} times, not ${expected}`);
  const whole = performance.now() - began;
  const all = limit(`search for what is ${where}`, whole, "the whole of it");
  const hit = firstHit === null ? [] : [limit("first hit", firstHit, `of what is ${where}`)];
  const shown = hit.map((first) => `first hit ${textOf(first)}, `).join("");
  print(`  search for what is ${where}: ${shown}all of it in ${requests} requests, ${textOf(all)}`);
  return [...hit, all];
}

function limit(name: keyof typeof LIMITS, ms: number, which: string): Limit {
  return { what: `${name}, ${which}`, value: ms, atMost: LIMITS[name], unit: " ms" };
}

async function measureExport({ urls }: Pair, format: "ndjson" | "csv", lines: number): Promise<Limit> {
  const began = performance.now();
  const response = await fetch(`${urls.receiver}/events/export?format=${format}`, { headers: AUTHORIZED });
  let [count, bytes] = [0, 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    for (const byte of chunk) count += byte === 10 ? 1 : 0;
  }
  if (count !== lines) throw new Error(`the ${format} has ${count} lines, not ${lines}`);
  const whole = limit(`export as ${format}`, performance.now() - began, `${(bytes / 1e6).toFixed(1)} MB`);
  print(`  ${whole.what}: ${textOf(whole)}`);
  return whole;
}

async function get({ urls }: Pair, parameters: string): Promise<Page> {
  const response = await fetch(`${urls.receiver}/events?log=main${parameters}`, { headers: AUTHORIZED });
  if (!response.ok) throw new Error(`${parameters} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Page;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
