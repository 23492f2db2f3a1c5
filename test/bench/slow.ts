import { type Limit, textOf } from "./support/limits.ts";
import type { Arrival } from "./support/sink.ts";
import type { Pair } from "./support/start.ts";
import { call, drive, print, type Sink, startSink, until } from "./support/tools.ts";

/** `npm run bench slow`: deliveries a second to an endpoint that takes its time, while many events wait for it. */

const WAITING = 2000;
const BATCH = 100;
/** Time after which the deliveries so far are counted: far fewer than wanted. */
const GIVE_UP_MS = 100_000;

const SLOW = [
  { ms: 100, atLeast: 400 },
  { ms: 1000, atLeast: 45 },
];

export async function measureSlow(pair: Pair): Promise<Limit[]> {
  const sink = await startSink();
  try {
    const limits: Limit[] = [];
    for (const { ms, atLeast } of SLOW) {
      const rate = await deliveriesPerSecond(pair, sink, ms);
      const limit: Limit = { what: `deliveries a second to an endpoint of ${ms} ms`, value: rate, atLeast };
      print(`${limit.what}: ${textOf(limit)}`);
      limits.push(limit);
    }
    return limits;
  } finally {
    sink.close();
  }
}

/** Publishes while the endpoint is disabled, then enables it: counted from the first POST that arrives to the last. */
async function deliveriesPerSecond(pair: Pair, sink: Sink, ms: number): Promise<number> {
  const type = `slow.of${ms}`;
  const url = `${sink.url}/wait/${ms}/${type}`;
  const { id } = (await call(pair, "POST", "/endpoints", { url, types: [type] })) as { id: string };
  await call(pair, "PATCH", `/endpoints/${id}`, { enabled: false });
  const batches = { connections: 2, amount: WAITING / BATCH, batch: BATCH, ratePerSecond: null, type };
  await drive({ url: `${pair.urls.sender}/events`, ...batches });
  await call(pair, "PATCH", `/endpoints/${id}`, { enabled: true });
  const arrivals: Arrival[] = [];
  const began = Date.now();
  await until(`${WAITING} deliveries to ${url}`, async () => {
    arrivals.push(...(await sink.arrivals(`/wait/${ms}/${type}`)));
    return arrivals.length >= WAITING || Date.now() - began > GIVE_UP_MS;
  });
  await call(pair, "DELETE", `/endpoints/${id}`);
  if (arrivals.length < WAITING) print(`  given up after ${GIVE_UP_MS / 1000} s: ${arrivals.length} of ${WAITING}`);
  const times = arrivals.map(({ at }) => at);
  return ((arrivals.length - 1) * 1000) / (Math.max(...times) - Math.min(...times));
}
