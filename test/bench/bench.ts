import { rmSync } from "node:fs";
import { measureAccept } from "./accept.ts";
import { measureFanOut } from "./fan-out.ts";
import { measureInboxDay } from "./inbox-day.ts";
import { measureIsolation } from "./isolation.ts";
import { type Limit, missedOf } from "./limits.ts";
import { measureLive } from "./live.ts";
import { measureLog } from "./log.ts";
import { measurePair } from "./pair.ts";
import { print } from "./tools.ts";
import { type Pair, startWorkers } from "./workers.ts";

/**
 * `npm run bench [name …]`: what the Workers do on this machine. Only ratios within one run mean something
 * elsewhere. Each measurement has Workers and storage of its own. Fails when any limit is not met.
 */
const measurements: Record<string, { run: (pair: Pair) => Promise<Limit[]>; vars: Record<string, string> }> = {
  accept: { run: measureAccept, vars: { WEBHOOK_URL: "" } },
  live: { run: measureLive, vars: { WEBHOOK_URL: "", LOCAL_DEV: "true" } },
  pair: { run: measurePair, vars: {} },
  log: { run: measureLog, vars: { WEBHOOK_URL: "", FLUSH_SECONDS: "1", GRACE_SECONDS: "0" } },
  "fan-out": { run: measureFanOut, vars: { WEBHOOK_URL: "", LOCAL_DEV: "true" } },
  "inbox-day": { run: measureInboxDay, vars: {} },
  isolation: { run: measureIsolation, vars: { WEBHOOK_URL: "", LOCAL_DEV: "true" } },
};

const missed: string[] = [];
const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : Object.keys(measurements)) {
  const measurement = measurements[name];
  if (measurement === undefined) throw new Error(`${name} is none of ${Object.keys(measurements).join(", ")}`);
  print(`== ${name}`);
  const pair = await startWorkers(measurement.vars);
  try {
    missed.push(...missedOf(await measurement.run(pair)).map((line) => `${name}: ${line}`));
  } finally {
    await pair.close();
    rmSync(pair.dir, { recursive: true, force: true });
  }
}
for (const line of missed) process.stderr.write(`NOT MET ${line}\n`);
if (missed.length > 0) process.exitCode = 1;
