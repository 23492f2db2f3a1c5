import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startWorkers, TOKEN } from "../bench/support/start.ts";
import { print } from "../bench/support/tools.ts";
import { seeded } from "../pair/random.ts";
import { svg } from "./chart.ts";
import { phases } from "./phases.ts";
import { run } from "./run.ts";
import { markdown, type Result } from "./table.ts";

/**
 * `npm run compare`: one stream of events, consumed in five ways at once, at three rates; two and a half minutes.
 * Writes the picture and prints the part of the README beside it that a run brings.
 */

const PICTURE = join(import.meta.dirname, "compare.svg");
const SHOWN = "![Latency, requests and bytes of polling, long polling, SSE and webhook at three rates](compare.svg)";
const SEED = 20;

const pair = await startWorkers();
try {
  const results: Result[] = [];
  for (const phase of phases(seeded(SEED))) {
    print(`${phase.name}: ${Math.ceil(phase.lengthMs / phase.scale / 1000)} s …`);
    results.push({ phase, measured: await run({ urls: pair.urls, token: TOKEN }, phase) });
  }
  writeFileSync(PICTURE, svg(results));
  print(`\n${markdown(results, SHOWN)}\n\nWritten: ${PICTURE}`);
} finally {
  await pair.close();
  rmSync(pair.dir, { recursive: true, force: true });
}
