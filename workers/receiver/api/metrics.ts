import { EXPOSITION_TYPE, exposition, type MetricFamily, type Sample } from "../../../shared/exposition.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import type { LogMetrics } from "../inbox/inbox.ts";
import { createApp, type Env, logsOf, readLog } from "../log/logs.ts";

/** Route of `/metrics`: the receiver's numbers for Prometheus, of each log. */

/** `found` is null when the log did not answer. */
type MeasuredLog = { log: string; found: LogMetrics | null };

const MEMORY = "Memory only: begins at 0 with the Inbox object, see webhook_receiver_start_time_seconds.";

export const metricsRoutes = createApp().get("/", takes(), async (c) => {
  const now = Date.now();
  const measured = await Promise.all(logsOf(configOf(c.env)).map((log) => measure(c.env, log)));
  return c.body(exposition(familiesOf(measured, now)), 200, { "content-type": EXPOSITION_TYPE });
});

/** One log that does not answer must not hide the others. */
async function measure(env: Env, log: string): Promise<MeasuredLog> {
  try {
    return { log, found: await readLog(env, log, ({ inbox }) => inbox.metrics()) };
  } catch (error) {
    logEvent("metrics.unavailable", { log, error: String(error) });
    return { log, found: null };
  }
}

function familiesOf(measured: readonly MeasuredLog[], now: number): MetricFamily[] {
  const each = (samplesOf: (found: LogMetrics) => Sample[]) =>
    measured.flatMap(({ log, found }) =>
      (found === null ? [] : samplesOf(found)).map(({ labels, value }) => ({ labels: { log, ...labels }, value })),
    );
  const one = (numberOf: (found: LogMetrics) => number | null) =>
    each((found) => {
      const value = numberOf(found);
      return value === null ? [] : [{ value }];
    });
  const gauge = (name: string, help: string, samples: Sample[]): MetricFamily => ({
    ...{ name: `webhook_receiver_${name}`, help, type: "gauge", samples },
  });
  const counter = (name: string, help: string, samples: Sample[]): MetricFamily => ({
    ...{ name: `webhook_receiver_${name}_total`, help: `${help} ${MEMORY}`, type: "counter", samples },
  });
  return [
    gauge(
      "log_up",
      "1 for a log that answered this scrape, else 0.",
      measured.map(({ log, found }) => ({ labels: { log }, value: found === null ? 0 : 1 })),
    ),
    gauge(
      "start_time_seconds",
      "Time when the Inbox object of a log started, since the epoch.",
      one(({ tally }) => tally.since / 1000),
    ),
    counter(
      "events",
      "Events that were verified and logged.",
      one(({ tally }) => tally.logged),
    ),
    counter(
      "duplicates",
      "Requests that repeated a logged event and were answered as received.",
      one(({ tally }) => tally.duplicates),
    ),
    counter(
      "storage_failures",
      "Verified requests that could not be stored and were answered 503.",
      one(({ tally }) => tally.failed),
    ),
    counter(
      "refusals",
      "Requests that were rejected, by reason.",
      each(({ tally }) => byLabel("reason", tally.rejected)),
    ),
    counter(
      "kv_failures",
      "Puts and looks of segments in KV that failed or did not end in time.",
      one(({ tally }) => tally.kvFailures),
    ),
    gauge(
      "kv_failing",
      "1 while the last call of KV for a log failed, else 0.",
      one(({ status }) => (status.kvFailing ? 1 : 0)),
    ),
    gauge(
      "log_events",
      "Events that a log shows, by source.",
      each(({ counts }) => byLabel("source", counts.events ?? {})),
    ),
    gauge(
      "inbox_events",
      "Events that KV has not taken yet.",
      one(({ status }) => status.waiting),
    ),
    gauge(
      "inbox_age_seconds",
      "Age of the oldest event that KV has not taken yet, 0 when there is none.",
      one(({ status }) => (status.oldestWaitingAt === null ? 0 : Math.max(0, now - status.oldestWaitingAt) / 1000)),
    ),
    gauge(
      "segments",
      "Segments of a log in KV.",
      one(({ status }) => status.segments),
    ),
    gauge(
      "unread_parts",
      "Parts of a log that could not be read lately.",
      one(({ status }) => status.unread.length),
    ),
    gauge(
      "storage_bytes",
      "Bytes of storage that the Inbox object uses.",
      one(({ storageBytes }) => storageBytes),
    ),
    gauge(
      "storage_limit_bytes",
      "Bytes of storage that STORAGE_LIMIT_MB allows one object.",
      one(({ storageLimit }) => storageLimit),
    ),
    gauge(
      "viewers",
      "Streams, long polls and sockets that watch a log.",
      one(({ counts }) => counts.viewers),
    ),
  ];
}

function byLabel(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([text, value]) => ({ labels: { [label]: text }, value }));
}
