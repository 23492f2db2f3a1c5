import { measureAccept } from "./accept.ts";
import { measureAcknowledge } from "./acknowledge.ts";
import { measureCost } from "./cost.ts";
import { measureCpu } from "./cpu.ts";
import { measureDiagnosis } from "./diagnosis.ts";
import { measureFanOut } from "./fan-out.ts";
import { measureInboxDay } from "./inbox-day.ts";
import { measureIsolation } from "./isolation.ts";
import { measureKills } from "./kills.ts";
import { measureLive } from "./live.ts";
import { measureLog } from "./log.ts";
import { measureMemory } from "./memory.ts";
import { measurePair } from "./pair.ts";
import { measurePeers } from "./peers.ts";
import { measureSlow } from "./slow.ts";
import { type Limit, missedOf } from "./support/limits.ts";
import { type Pair, running, startAlone, startWorkers } from "./support/start.ts";
import { print } from "./support/tools.ts";

/**
 * `npm run bench [name …]`: measures the Workers on this machine. Only ratios within one run mean something on another
 * machine. Each measurement has Workers and storage of its own. Fails when any limit is not met.
 */

const measurements: Record<string, () => Promise<Limit[]>> = {
  accept: onPair(measureAccept, { WEBHOOK_URL: "" }),
  live: onPair(measureLive, { WEBHOOK_URL: "", LOCAL_DEV: "true" }),
  pair: measurePair,
  slow: onSender(measureSlow),
  acknowledge: measureAcknowledge,
  cpu: onSender(measureCpu),
  log: onPair(measureLog, { WEBHOOK_URL: "", FLUSH_SECONDS: "1", GRACE_SECONDS: "0" }),
  "fan-out": onPair(measureFanOut, { WEBHOOK_URL: "", LOCAL_DEV: "true" }),
  "inbox-day": onPair(measureInboxDay, {}),
  isolation: onPair(measureIsolation, { WEBHOOK_URL: "", LOCAL_DEV: "true" }),
  kills: measureKills,
  memory: measureMemory,
  cost: measureCost,
  peers: onPair(measurePeers, { WEBHOOK_URL: "" }),
  diagnosis: () => running(startAlone("examiner.ts"), measureDiagnosis),
};

const missed: string[] = [];
const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : Object.keys(measurements)) {
  const measurement = measurements[name];
  if (measurement === undefined) throw new Error(`${name} is none of ${Object.keys(measurements).join(", ")}`);
  print(`== ${name}`);
  missed.push(...missedOf(await measurement()).map((line) => `${name}: ${line}`));
}

for (const line of missed) process.stderr.write(`NOT MET ${line}\n`);
if (missed.length > 0) process.exitCode = 1;

function onPair(run: (pair: Pair) => Promise<Limit[]>, vars: Record<string, string>): () => Promise<Limit[]> {
  return () => running(startWorkers(vars), run);
}

function onSender(run: (pair: Pair) => Promise<Limit[]>): () => Promise<Limit[]> {
  return () => running(startWorkers({ WEBHOOK_URL: "" }, { only: ["sender"] }), run);
}
