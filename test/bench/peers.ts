import { cpus } from "node:os";
import { debianWebhook, flaskSender, nodeReceiver, nodeSender, type Peer } from "./peers/processes.ts";
import type { Limit } from "./support/limits.ts";
import type { LoadResult } from "./support/load.ts";
import { percentile } from "./support/percentile.ts";
import { type Pair, SECRET } from "./support/start.ts";
import { markdownTable } from "./support/table.ts";
import { call, driveAll, print, rateOf, startSink } from "./support/tools.ts";

/**
 * `npm run bench peers`: the rates of this pair beside programs that send or receive webhooks and keep nothing. They
 * take turns, several rounds of each. Prints the tables of test/README.md.
 */

const ROUNDS = 5;
const TRIGGERS = { connections: 10, amount: 1000, ratePerSecond: null, closing: true };
const WEBHOOKS = { connections: 10, amount: 3000, ratePerSecond: null, closing: true, secret: SECRET };
const OURS = "this project";

type Party = Omit<Peer, "close">;
type Rated = { name: string; rate: number };

/** What a party does of the columns; all other parties do none of them. */
const SENDERS = {
  columns: ["signs", "stores first", "retries", "survives a crash"],
  does: { [OURS]: [0, 1, 2, 3], "Node, standardwebhooks": [0] },
};
const RECEIVERS = {
  columns: ["verifies the exact bytes", "stores first", "tells repeats", "shows the log"],
  does: { [OURS]: [0, 1, 2, 3], "Node, standardwebhooks": [0], "Debian's webhook": [0] },
};
type Nature = { columns: string[]; does: Record<string, number[]> };

export async function measurePeers(pair: Pair): Promise<Limit[]> {
  const sink = await startSink();
  const running: Peer[] = [];
  const started = async (peers: Promise<Peer | null>[]) => {
    const found = (await Promise.all(peers)).filter((peer) => peer !== null);
    running.push(...found);
    return found;
  };
  try {
    await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok/ours` });
    const senders = await started([flaskSender(`${sink.url}/ok/flask`), nodeSender(`${sink.url}/ok/node`)]);
    const receivers = await started([debianWebhook(pair.dir), nodeReceiver()]);
    const sent = await takeTurns([ours(`${pair.urls.sender}/trigger`), ...senders], ({ url }) =>
      driveAll({ url, ...TRIGGERS }),
    );
    const received = await takeTurns([ours(`${pair.urls.receiver}/webhook`), ...receivers], ({ url, scheme }) =>
      driveAll({ url, ...WEBHOOKS, scheme }),
    );
    print(`${cpus().length} processors (${cpus()[0]?.model}), medians of ${ROUNDS} rounds\n`);
    print(tableOf("sender", sent, SENDERS));
    print(tableOf("receiver", received, RECEIVERS));
    return [];
  } finally {
    for (const { close } of running) await close();
    sink.close();
  }
}

function ours(url: string): Party {
  return { name: OURS, url, scheme: "standard" };
}

/** Measures each party once a round. The first round warms up. @returns the median of each */
async function takeTurns(parties: Party[], run: (party: Party) => Promise<LoadResult>): Promise<Rated[]> {
  const rates = new Map(parties.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const party of parties) {
      const rate = rateOf(await run(party));
      if (round > 0) rates.get(party.name)?.push(rate);
    }
  }
  return [...rates].map(([name, all]) => ({ name, rate: percentile(all, 0.5) }));
}

function tableOf(role: string, rated: Rated[], { columns, does }: Nature): string {
  const own = rated.find(({ name }) => name === OURS)?.rate ?? Number.NaN;
  return markdownTable(
    [role, "events a second", "of ours", ...columns],
    rated.map(({ name, rate }) => [
      ...[name, rate.toFixed(0), (rate / own).toFixed(2)],
      ...columns.map((_, index) => (does[name]?.includes(index) ? "yes" : "no")),
    ]),
  );
}
