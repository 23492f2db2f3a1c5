import { CASES } from "./diagnosis-cases.ts";
import type { Limit } from "./support/limits.ts";
import { percentile } from "./support/percentile.ts";
import { childrenCpuMs } from "./support/processor-time.ts";
import type { Alone } from "./support/start.ts";
import { print } from "./support/tools.ts";
import type { Worked } from "./workers/examiner.ts";

/** `npm run bench diagnosis`: the processor time of diagnosing one forgery. */

/** The limit of one diagnosis: a forgery must not cost its victim more than answering a request does. */
const MOST_MS = 1;

/** Diagnoses in one sample, so many that the call which asks for them weighs nothing. */
const TIMES = 20;
const SAMPLES = 25;
const WARM_UP = 100;

/** Measures every case; the median of each is held to the limit. */
export async function measureDiagnosis({ url, pid }: Alone): Promise<Limit[]> {
  const clock = () => childrenCpuMs(pid) ?? performance.now();
  print(`in ms of ${childrenCpuMs(pid) === null ? "time, other load included" : "the processor"}:`);
  const limits: Limit[] = [];
  for (const [index, { name }] of CASES.entries()) {
    const run = (work: string, times: number) => timed(`${url}/?case=${index}&work=${work}&times=${times}`, clock);
    await run("diagnose", WARM_UP);
    const verified = await run("verify", WARM_UP);
    const samples: number[] = [];
    let said = verified.said;
    for (let i = 0; i < SAMPLES; i++) {
      const examined = await run("diagnose", TIMES);
      samples.push(examined.ms / TIMES);
      said = examined.said;
    }
    const [median = Number.NaN, p99 = Number.NaN] = [0.5, 0.99].map((share) => percentile(samples, share));
    const once = (verified.ms / WARM_UP).toFixed(3);
    print(`${name}: median ${median.toFixed(3)}, p99 ${p99.toFixed(3)}; one verification ${once}; ${textOf(said)}`);
    limits.push({ what: `a diagnosis, ${name}`, value: median, unit: " ms", atMost: MOST_MS });
  }
  return limits;
}

async function timed(url: string, clock: () => number): Promise<Worked & { ms: number }> {
  const began = clock();
  const response = await fetch(url, { method: "POST" });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const { said } = (await response.json()) as Worked;
  return { said, ms: clock() - began };
}

function textOf(said: Worked["said"]): string {
  return `${said?.code}${said?.text.includes("not tried") ? ", not all was tried" : ""}`;
}
