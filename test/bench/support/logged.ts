import { type Pair, TOKEN } from "./start.ts";

/** The receiver's log, read to see when events were logged. */

type Side = "sender" | "receiver";

/** `latencies`: milliseconds from sent to logged. `last`: the time the last one was logged (unix ms). */
export type Logged = { latencies: number[]; last: number };

/** Returns the newest seq of a side's log. */
export async function headOf(pair: Pair, side: Side): Promise<number> {
  const { events } = await ask<{ events: { seq: number }[] }>(pair, side, "/events?limit=1");
  return events[0]?.seq ?? 0;
}

/** Returns the rows written so far on each side. */
export async function rowsOf(pair: Pair): Promise<Record<Side, number>> {
  const rows = (side: Side) => ask<number>(pair, side, "/measured/rows");
  return { sender: await rows("sender"), receiver: await rows("receiver") };
}

/** Reads the log after a seq. @throws Error unless `amount` events are there, each once */
export async function readLog(pair: Pair, after: number, amount: number): Promise<Logged> {
  const response = await request(pair, "receiver", `/events/export?format=ndjson&after=${after}`);
  const records = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; receivedAt: string; body: string });
  const ids = new Set(records.map(({ id }) => id));
  if (ids.size !== amount || records.length !== amount) {
    throw new Error(`${records.length} events were logged, ${ids.size} of them different, not ${amount}`);
  }
  const at = records.map(({ receivedAt }) => Date.parse(receivedAt));
  const latencies = records.map(({ body }, index) => {
    const { data } = JSON.parse(body) as { data: { sentAt: number } };
    return (at[index] ?? Number.NaN) - data.sentAt;
  });
  return { latencies, last: Math.max(...at) };
}

async function ask<Body>(pair: Pair, side: Side, path: string): Promise<Body> {
  return (await (await request(pair, side, path)).json()) as Body;
}

async function request(pair: Pair, side: Side, path: string): Promise<Response> {
  const response = await fetch(`${pair.urls[side]}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}
