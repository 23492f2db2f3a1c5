import { Hono } from "hono";
import { checkParameters } from "../../../shared/http/parameters.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import type { Verification } from "../event/record.ts";
import type { LogCounts } from "../inbox/inbox.ts";
import type { Env } from "../log/env.ts";
import { inboxOf, logOf, logsOf } from "../log/logs.ts";
import { readAgain } from "../log/read-again.ts";
import { questionOf } from "../verify/handshake.ts";
import { faultOf } from "../verify/source-fault.ts";
import { DEFAULT_SOURCE, type Source } from "../verify/verify.ts";

/**
 * A source and what came of it. `fault`: the mistake for which it accepts nothing. `scheme` and `verification` are
 * null then, and for one that is not configured, or no longer for this log, and has events there. `handshake`:
 * whether its provider's questions are answered. `events`: those that the log shows of it; both counts are null
 * while they are not known.
 */
type Described = {
  name: string;
  log: string;
  path: string;
  scheme: string | null;
  verification: Verification | null;
  handshake: boolean;
  fault: string | null;
  events: number | null;
  rejected: number | null;
};

const UNKNOWN: LogCounts = { events: null, rejected: null, viewers: null };

export const sources = new Hono<{ Bindings: Env }>();

/**
 * Who sends to us, in the order of the configuration, and of each log how many streams, long polls and sockets
 * watch it at this moment; with `?log=`, of that log.
 */
sources.get("/", async (c) => {
  const parameters = new URL(c.req.url).searchParams;
  checkParameters(parameters, ["log"]);
  const config = configOf(c.env);
  const named = parameters.get("log");
  const logs = named === null ? logsOf(config) : [logOf(config, named)];
  const configured = [...config.sources.values()];
  const counted = await Promise.all(logs.map(async (log) => ({ log, counts: await countsOf(c.env, log) })));
  const described = counted.map(async ({ log, counts }) => {
    const ofLog = configured.filter((source) => source.log === log);
    return describe(log, await Promise.all(ofLog.map(settingsOf)), counts);
  });
  const watched = counted.map(({ log, counts: { viewers } }) => ({ name: log, viewers }));
  return c.json({ sources: (await Promise.all(described)).flat(), logs: watched });
});

/** One log that cannot say what it holds does not keep the others from it. */
async function countsOf(env: Env, log: string): Promise<LogCounts> {
  try {
    return await readAgain(() => inboxOf(env, log).counts());
  } catch (error) {
    logEvent("counts.unavailable", { log, error: String(error) });
    return UNKNOWN;
  }
}

function describe(log: string, configured: readonly Settings[], { events, rejected }: LogCounts): Described[] {
  const names = new Set(configured.map(({ name }) => name));
  const others = Object.keys({ ...events, ...rejected }).filter((name) => !names.has(name));
  const counts = (name: string) => ({ events: countIn(events, name), rejected: countIn(rejected, name) });
  return [
    ...configured.map((settings) => ({ ...settings, ...counts(settings.name) })),
    ...others.map((name) => ({ ...absent(name, log), ...counts(name) })),
  ];
}

type Settings = Omit<Described, "events" | "rejected">;

async function settingsOf(source: Source): Promise<Settings> {
  const { name, log } = source;
  const fault = await faultOf(source);
  const path = name === DEFAULT_SOURCE ? "/webhook" : `/webhook/${name}`;
  if (fault !== null) return { ...absent(name, log), path, fault };
  const handshake = questionOf(source) !== null;
  return { name, log, path, scheme: source.schemeName, verification: source.scheme.verification, handshake, fault };
}

function absent(name: string, log: string): Settings {
  return { name, log, path: `/webhook/${name}`, scheme: null, verification: null, handshake: false, fault: null };
}

function countIn(counts: LogCounts["events"], name: string): number | null {
  if (counts === null) return null;
  return Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0;
}
