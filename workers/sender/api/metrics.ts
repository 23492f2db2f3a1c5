import { EXPOSITION_TYPE, exposition, type HistogramSample, type MetricFamily } from "../../../shared/exposition.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { LATENCY_BOUNDS_MS } from "../model/activity.ts";
import { createApp, outboxOf } from "../operations/env.ts";
import type { EndpointMetrics, Made, OutboxMetrics } from "../protocol.ts";

/** `GET /metrics`: the sender's numbers for Prometheus. */

/** Seconds of the buckets: some of LATENCY_BOUNDS_MS, as each bucket is a series of each endpoint. */
const BUCKETS = [0.01, 0.05, 0.1, 0.3, 0.5, 1, 3, 5, 10, 20, 30];

const MEMORY = "Memory only: begins at 0 with the Outbox object, see webhook_sender_start_time_seconds.";

export const metrics = createApp().get("/metrics", takes(), async (c) => {
  const now = Date.now();
  const found = await outboxOf(c.env).metrics();
  const text = exposition([
    ...logFamilies(found),
    ...attemptFamilies(found),
    ...endpointFamilies(found.endpoints, now),
  ]);
  return c.body(text, 200, { "content-type": EXPOSITION_TYPE });
});

function logFamilies(found: OutboxMetrics): MetricFamily[] {
  return [
    gauge(
      "webhook_sender_start_time_seconds",
      "Time when the Outbox object started, since the epoch.",
      found.since / 1000,
    ),
    counter(
      "webhook_sender_events_published_total",
      `Events that entered the log by a publisher or the clock. ${MEMORY}`,
      found.published,
    ),
    counter(
      "webhook_sender_duplicates_total",
      `Published events that repeated a logged one and got its answer. ${MEMORY}`,
      found.duplicates,
    ),
    {
      ...{ name: "webhook_sender_refusals_total", type: "counter" },
      help: `Calls to publish that the log refused, by the code of the answer. ${MEMORY}`,
      samples: Object.entries(found.refused).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    gauge("webhook_sender_log_events", "Events between the ends of the log.", found.events),
    gauge("webhook_sender_storage_bytes", "Bytes of storage that the Outbox object uses.", found.storageBytes),
    gauge(
      "webhook_sender_storage_limit_bytes",
      "Bytes of storage that STORAGE_LIMIT_MB allows one object.",
      found.storageLimit,
    ),
    {
      ...{ name: "webhook_sender_endpoints", type: "gauge", help: "Endpoints by state." },
      samples: Object.entries(found.counts).map(([state, value]) => ({ labels: { state }, value })),
    },
    gauge(
      "webhook_sender_endpoints_omitted",
      "Endpoints without series of their own: there are 100 with some, failing ones first.",
      found.omitted,
    ),
  ];
}

function attemptFamilies({ all }: OutboxMetrics): MetricFamily[] {
  return [
    {
      ...{ name: "webhook_sender_attempts_total", type: "counter", samples: attempts(all) },
      help: `Attempts at all endpoints by outcome. ${MEMORY}`,
    },
    {
      ...{ name: "webhook_sender_deliveries_total", type: "counter" },
      help: `Deliveries that ended, by outcome: delivered, or dead with no retry left. ${MEMORY}`,
      samples: [
        { labels: { outcome: "delivered" }, value: all.delivered },
        { labels: { outcome: "dead" }, value: all.dead },
      ],
    },
    {
      ...{ name: "webhook_sender_attempt_duration_seconds", type: "histogram", samples: [durations(all)] },
      help: `Time of the attempts at all endpoints. ${MEMORY}`,
    },
  ];
}

function endpointFamilies(endpoints: readonly EndpointMetrics[], now: number): MetricFamily[] {
  const each = (value: (metrics: EndpointMetrics) => number | null) =>
    endpoints.flatMap((metrics) => {
      const known = value(metrics);
      return known === null ? [] : [{ labels: { endpoint: metrics.id }, value: known }];
    });
  const secondsSince = (at: number | null) => (at === null ? 0 : Math.max(0, now - at) / 1000);
  return [
    {
      ...{ name: "webhook_sender_endpoint_queue_events", type: "gauge", samples: each(({ lag }) => lag.events) },
      help: "Events that an endpoint wants and has not settled; of a long log at most 10,000 rows are counted.",
    },
    {
      ...{ name: "webhook_sender_endpoint_queue_age_seconds", type: "gauge" },
      help: "Age of the oldest event that waits for an endpoint, 0 when none does.",
      samples: each(({ lag }) => secondsSince(lag.oldestAt)),
    },
    {
      ...{ name: "webhook_sender_endpoint_retrying_events", type: "gauge", samples: each(({ retrying }) => retrying) },
      help: "Events that wait for a retry at an endpoint.",
    },
    {
      ...{ name: "webhook_sender_endpoint_failing_seconds", type: "gauge" },
      help: "Time for which every attempt at an endpoint has failed, 0 when the last one did not.",
      samples: each(({ failingSince }) => secondsSince(failingSince)),
    },
    {
      ...{ name: "webhook_sender_endpoint_attempts_total", type: "counter" },
      help: `Attempts at an endpoint by outcome. ${MEMORY}`,
      samples: endpoints.flatMap(({ id, made }) => attempts(made, { endpoint: id })),
    },
    {
      ...{ name: "webhook_sender_endpoint_attempt_duration_seconds", type: "histogram" },
      help: `Time of the attempts at an endpoint. ${MEMORY}`,
      samples: endpoints.map(({ id, made }) => durations(made, { endpoint: id })),
    },
  ];
}

function attempts({ delivered, failed }: Made, labels: Record<string, string> = {}) {
  return [
    { labels: { ...labels, outcome: "delivered" }, value: delivered },
    { labels: { ...labels, outcome: "failed" }, value: failed },
  ];
}

/** Adds up the finer counts to BUCKETS. */
function durations({ latency, totalMs }: Made, labels: Record<string, string> = {}): HistogramSample {
  const counts = new Array<number>(BUCKETS.length + 1).fill(0);
  for (const [place, count] of latency.entries()) {
    const seconds = (LATENCY_BOUNDS_MS[place] ?? Number.POSITIVE_INFINITY) / 1000;
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    counts[bucket < 0 ? BUCKETS.length : bucket] = (counts.at(bucket) ?? 0) + count;
  }
  return { labels, bounds: BUCKETS, counts, sum: totalMs / 1000 };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "gauge", samples: [{ value }] };
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "counter", samples: [{ value }] };
}
