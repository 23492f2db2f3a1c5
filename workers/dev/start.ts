import { resolve } from "node:path";
import { startClock } from "./clock.ts";
import { requireKnownVariables } from "./known-variables.ts";
import { type LogSource, printedLine } from "./log-printer.ts";
import { readSettings, requireFreePort, type Settings } from "./settings.ts";
import { lockState } from "./state-lock.ts";
import { untilHung } from "./watch.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/**
 * `npm start`: runs both Workers under `wrangler dev` and the clock that fires the sender's cron, and prints one log.
 * Ends with code 0 on SIGINT, SIGTERM or SIGHUP, with 1 when a Worker ended by itself or could not start.
 */

const root = resolve(import.meta.dirname, "../..");
/** The terminal sends a Ctrl-C to all, and npm passes it on as well: only a later signal counts as the second. */
const SECOND_SIGNAL_AFTER_MS = 500;
const ORPHAN_CHECK_MS = 1000;
/** A Worker that hangs sooner than this after it was started again would hang for ever. */
const MIN_RUN_MS = 30_000;

type Name = "sender" | "receiver";
const workers = new Map<Name, WorkerProcess>();
// Nothing may stay behind, whatever ends this process.
process.on("exit", () => {
  for (const worker of workers.values()) worker.kill();
});

let exitCode = 0;
try {
  const settings = readSettings(root, process.env);
  requireKnownVariables(root);
  await requireFreePort("RECEIVER_PORT", settings.receiverPort);
  await requireFreePort("SENDER_PORT", settings.senderPort);
  await lockState(settings.stateDir);
  await Promise.race([untilSignal(), run(settings)]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  exitCode = 1;
}
await Promise.all([...workers.values()].map((worker) => worker.stop()));
process.exit(exitCode);

/** Starts everything. Never resolves; rejects when a Worker could not start, or ended by itself. */
async function run(settings: Settings): Promise<never> {
  // The receiver starts first: the sender may have stored events, and delivers them at once.
  const receiver = await start("receiver", settings);
  const sender = await start("sender", settings);
  const log = printer("clock", settings);
  startClock(
    (time) => fireCron(sender.url, time),
    (error) => log(`the cron could not be fired: ${error instanceof Error ? error.message : error}`),
  );
  console.log(hints(settings));
  return Promise.race([keep("receiver", receiver, settings), keep("sender", sender, settings)]);
}

/** Starts a Worker that hangs again, as often as it has worked for a while. Rejects when it ended otherwise. */
async function keep(name: Name, first: WorkerProcess, settings: Settings): Promise<never> {
  for (let worker = first, since = 0; ; since = Date.now()) {
    const how = await Promise.race([worker.exited, untilHung(worker)]);
    if (how !== undefined) throw new Error(`Stopping: the ${name} ended with ${how}.`);
    worker.kill();
    await worker.exited;
    workers.delete(name);
    if (Date.now() - since < MIN_RUN_MS) throw new Error(`Stopping: the ${name} answers no request, again.`);
    printer(name, settings)("no request was answered for some seconds: the Worker is started again; nothing is lost");
    worker = await start(name, settings);
  }
}

async function start(name: Name, settings: Settings): Promise<WorkerProcess> {
  const { stateDir, variables } = settings;
  const port = name === "sender" ? settings.senderPort : settings.receiverPort;
  const worker = startWorker({ name, root, port, stateDir, variables, print: printer(name, settings) });
  workers.set(name, worker);
  await worker.ready.catch((error: Error) => {
    throw new Error(`The ${name} did not start: ${error.message}.`);
  });
  return worker;
}

/** Calls wrangler's local route for the cron, which Cloudflare fires each minute; `cron` is the TOML file's. */
async function fireCron(senderUrl: string, time: number): Promise<void> {
  const query = new URLSearchParams({ cron: "* * * * *", time: String(time) });
  const response = await fetch(`${senderUrl}/cdn-cgi/local/scheduled?${query}`, {
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

/** Resolves at the first signal; a later one ends this process and the Workers at once. */
function untilSignal(): Promise<"signal"> {
  return new Promise((resolve) => {
    let first: number | null = null;
    const onSignal = () => {
      if (first === null) {
        first = Date.now();
        console.log("Stopping…");
        resolve("signal");
      } else if (Date.now() - first > SECOND_SIGNAL_AFTER_MS) process.exit(1);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
    if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(onSignal);
  });
}

/** Calls back when npm was killed, which counts as a signal. Polls: nothing tells a process of its parent's death. */
function whenOrphaned(callback: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_CHECK_MS);
}

function printer(source: LogSource, { logFormat, colour }: Settings): (line: string) => void {
  const printing = { format: logFormat, colour: colour && process.stdout.isTTY };
  return (line) => console.log(printedLine(source, line, new Date(), printing));
}

function hints({ senderPort, receiverPort, variables }: Settings): string {
  return `
Running. An event comes every ${variables.PERIODIC_SECONDS} s by itself, sent to ${variables.WEBHOOK_URL || "nobody"}.

  curl localhost:${senderPort}/trigger                          publish one and see what its receiver answers
  curl localhost:${receiverPort}/events                           see what has arrived
  curl localhost:${senderPort}/endpoints/ep_default/deliveries  see every attempt
  npm test                                             in another terminal: the whole gate

Pages: http://localhost:${senderPort} and http://localhost:${receiverPort}. Ctrl-C stops everything.
`;
}
