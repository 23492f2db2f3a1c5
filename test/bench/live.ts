import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { type Pair, SECRET, TOKEN } from "./support/start.ts";
import { drive, print } from "./support/tools.ts";
import type { ViewersCommand, ViewersReport } from "./support/viewers.ts";

/** `npm run bench live`: the rate of `POST /webhook` while 200 viewers watch the log, beside the rate without any. */

const LOAD = { connections: 50, amount: 5000, ratePerSecond: null, secret: SECRET };
const VIEWERS = 200;
const ROUNDS = 4;

const AUDIENCES = ["none", "sockets", "mixed"] as const;
const WATCHED = {
  sockets: `${VIEWERS} WebSockets`,
  mixed: `${VIEWERS} viewers, a third each WebSockets, streams and long polls`,
};
type Audience = (typeof AUDIENCES)[number];

export async function measureLive(pair: Pair): Promise<Limit[]> {
  const viewers = fork(join(import.meta.dirname, "support/viewers.ts"));
  const rates: Record<Audience, number[]> = { none: [], sockets: [], mixed: [] };
  try {
    // The audiences take turns, so that other load on the machine meets all alike. The first round warms up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const audience of AUDIENCES) {
        const rate = await accepted(pair, viewers, audience);
        if (round > 0) rates[audience].push(rate);
      }
    }
  } finally {
    viewers.disconnect();
  }
  const none = percentile(rates.none, 0.5);
  print(`POST /webhook with nobody watching: ${none.toFixed(0)} a second`);
  return (["sockets", "mixed"] as const).map((audience) => {
    const rate = percentile(rates[audience], 0.5);
    const share: Limit = { what: `webhooks taken with ${WATCHED[audience]}`, value: rate / none, atLeast: 0.4 };
    print(`with ${WATCHED[audience]}: ${rate.toFixed(0)} a second, of it ${textOf(share)}`);
    return share;
  });
}

async function accepted({ urls }: Pair, viewers: ChildProcess, audience: Audience): Promise<number> {
  if (audience !== "none") {
    const target = { url: urls.receiver, token: TOKEN, count: VIEWERS, mixed: audience === "mixed" };
    await tell(viewers, { attach: target });
  }
  const { ok, failed, startedAt, endedAt } = await drive({ url: `${urls.receiver}/webhook`, ...LOAD });
  if (failed > 0) throw new Error(`${failed} webhooks failed`);
  if (audience !== "none") {
    const { lowest, batches } = await tell(viewers, { leave: true });
    if (batches < VIEWERS || lowest === 0) throw new Error(`the viewers saw ${batches} batches`);
  }
  return (ok * 1000) / (endedAt - startedAt);
}

async function tell(viewers: ChildProcess, command: ViewersCommand): Promise<ViewersReport> {
  viewers.send(command);
  const [report] = (await once(viewers, "message")) as [ViewersReport];
  return report;
}
