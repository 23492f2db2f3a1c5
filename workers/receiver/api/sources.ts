import { takes } from "../../../shared/http/parameters.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import type { Verification } from "../event/record.ts";
import type { LogCounts } from "../inbox/inbox.ts";
import { createApp, type Env, logOf, logsOf, readLog } from "../log/logs.ts";
import { NO_SOURCE } from "../rejected/rejections.ts";
import { handshakesOf } from "../verify/handshake.ts";
import { DEFAULT_SOURCE, type Source } from "../verify/source.ts";
import { faultOf } from "../verify/source-fault.ts";

/** Route of `/sources`: who sends to this Worker, and who reads its logs. */

/**
 * A source and the counts of its requests. `fault`: the mistake for which it accepts nothing. `scheme` and
 * `verification` are null for a source with a fault, and for one that has events in this log but is no longer configured
 * for it. `handshake`: its provider's handshakes are answered. `events`: those that the log shows; both counts are null
 * while they are not known.
 */
type DescribedSource = {
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

const UNKNOWN_COUNTS: LogCounts = { events: null, rejected: null, viewers: null };

/**
 * The sources in the order of the configuration, and for each log how many streams, long polls and sockets watch it at
 * this moment; with `?log=`, those of one log.
 */
export const sourceRoutes = createApp().get("/", takes("log"), async (c) => {
  const config = configOf(c.env);
  const named = c.req.query("log");
  const logs = named === undefined ? logsOf(config) : [logOf(config, named)];
  const configured = [...config.sources.values()];
  const counted = await Promise.all(logs.map(async (log) => ({ log, counts: await countsOf(c.env, log) })));
  const described = counted.map(async ({ log, counts }) => {
    const ofLog = configured.filter((source) => source.log === log);
    return describeSources(log, await Promise.all(ofLog.map(settingsOf)), counts);
  });
  const watched = counted.map(({ log, counts: { viewers } }) => ({ name: log, viewers }));
  return c.json({ sources: (await Promise.all(described)).flat(), logs: watched });
});

/** Returns the counts of a log. If one log does not answer, the others are still shown. */
async function countsOf(env: Env, log: string): Promise<LogCounts> {
  try {
    return await readLog(env, log, ({ inbox }) => inbox.counts());
  } catch (error) {
    logEvent("counts.unavailable", { log, error: String(error) });
    return UNKNOWN_COUNTS;
  }
}

function describeSources(
  log: string,
  configured: readonly SourceSettings[],
  { events, rejected }: LogCounts,
): DescribedSource[] {
  const names = new Set(configured.map(({ name }) => name));
  const others = Object.keys({ ...events, ...rejected }).filter((name) => name !== NO_SOURCE && !names.has(name));
  const counts = (name: string) => ({ events: countIn(events, name), rejected: countIn(rejected, name) });
  return [
    ...configured.map((settings) => ({ ...settings, ...counts(settings.name) })),
    ...others.map((name) => ({ ...unconfigured(name, log), ...counts(name) })),
  ];
}

type SourceSettings = Omit<DescribedSource, "events" | "rejected">;

async function settingsOf(source: Source): Promise<SourceSettings> {
  const { name, log } = source;
  const fault = await faultOf(source);
  const path = name === DEFAULT_SOURCE ? "/webhook" : `/webhook/${name}`;
  if (fault !== null) return { ...unconfigured(name, log), path, fault };
  const handshake = handshakesOf(source).length > 0;
  return { name, log, path, scheme: source.schemeName, verification: source.scheme.verification, handshake, fault };
}

function unconfigured(name: string, log: string): SourceSettings {
  return { name, log, path: `/webhook/${name}`, scheme: null, verification: null, handshake: false, fault: null };
}

function countIn(counts: LogCounts["events"], name: string): number | null {
  if (counts === null) return null;
  return Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0;
}
