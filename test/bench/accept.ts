import { type Limit, textOf } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { type Pair, SECRET } from "./support/start.ts";
import { drive, print } from "./support/tools.ts";

/** `npm run bench accept`: the rate of `POST /webhook`, beside a Worker that verifies the same requests only. */

const LOAD = { connections: 50, amount: 10_000, ratePerSecond: null, secret: SECRET };
const ROUNDS = 3;

export async function measureAccept({ urls }: Pair): Promise<Limit[]> {
  const rates = { verified: [] as number[], accepted: [] as number[] };
  // The two take turns, so that other load on the machine meets both alike.
  for (let round = 0; round <= ROUNDS; round++) {
    const verified = await rate(`${urls.verifier}/verify`);
    const accepted = await rate(`${urls.receiver}/webhook`);
    // The first round warms both up.
    if (round === 0) continue;
    rates.verified.push(verified);
    rates.accepted.push(accepted);
  }
  const [verified, accepted] = [percentile(rates.verified, 0.5), percentile(rates.accepted, 0.5)];
  print(`verified and nothing stored: ${verified.toFixed(0)} a second`);
  const share: Limit = { what: "webhooks taken, of those verified", value: accepted / verified, atLeast: 0.4 };
  print(`POST /webhook: ${accepted.toFixed(0)} a second, of it ${textOf(share)}`);
  return [share];
}

async function rate(url: string): Promise<number> {
  const { ok, failed, startedAt, endedAt } = await drive({ url, ...LOAD });
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed`);
  return (ok * 1000) / (endedAt - startedAt);
}
