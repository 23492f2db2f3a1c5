import { describe, expect, it } from "vitest";
import { exposition, type MetricFamily } from "../../shared/exposition.ts";
import { lintFamilies, readExposition } from "../support/exposition.ts";

const read = (...families: MetricFamily[]) => readExposition(exposition(families));

describe("exposition", () => {
  it("writes each family with its help and type, and escapes what labels hold", () => {
    const labels = { reason: 'a "quoted" \\ line\nend' };
    const text = exposition([
      { name: "requests_total", help: "All requests.\nBy reason.", type: "counter", samples: [{ labels, value: 3 }] },
      { name: "queue_events", help: "Waiting.", type: "gauge", samples: [{ value: 0.5 }] },
    ]);
    expect(text).toBe(
      "# HELP requests_total All requests.\\nBy reason.\n# TYPE requests_total counter\n" +
        'requests_total{reason="a \\"quoted\\" \\\\ line\\nend"} 3\n' +
        "# HELP queue_events Waiting.\n# TYPE queue_events gauge\nqueue_events 0.5\n",
    );
    expect(readExposition(text).get("requests_total")?.samples[0]?.labels).toEqual(labels);
  });

  it("adds the buckets of a histogram up", () => {
    const sample = { labels: { endpoint: "ep_1" }, bounds: [0.1, 1], counts: [2, 0, 1], sum: 5.5 };
    const families = read({ name: "wait_seconds", help: "Waits.", type: "histogram", samples: [sample] });
    expect(families.get("wait_seconds")?.samples.map(({ name, labels, value }) => [name, labels.le, value])).toEqual([
      ["wait_seconds_bucket", "0.1", 2],
      ["wait_seconds_bucket", "1", 2],
      ["wait_seconds_bucket", "+Inf", 3],
      ["wait_seconds_sum", undefined, 5.5],
      ["wait_seconds_count", undefined, 3],
    ]);
    expect(lintFamilies(families)).toEqual([]);
  });

  it("leaves a family without samples out", () => {
    expect(exposition([{ name: "requests_total", help: "None.", type: "counter", samples: [] }])).toBe("");
  });
});

describe("the check of names", () => {
  const family = (name: string, type: "counter" | "gauge", label = "kind"): MetricFamily => ({
    ...{ name, type, help: "Something.", samples: [{ labels: { [label]: "a" }, value: 1 }] },
  });

  it.each([
    ["a counter without _total", family("requests", "counter")],
    ["a gauge with it", family("requests_total", "gauge")],
    ["milliseconds", family("wait_milliseconds", "gauge")],
    ["a short unit", family("wait_ms", "gauge")],
    ["the type in the name", family("wait_gauge", "gauge")],
    ["capitals", family("waitSeconds", "gauge")],
    ["a histogram's suffix", family("wait_sum", "gauge")],
    ["a histogram's label", family("wait_seconds", "gauge", "le")],
    ["a series twice", { ...family("wait_seconds", "gauge"), samples: [{ value: 1 }, { value: 2 }] } as MetricFamily],
  ])("finds %s", (_name, wrong) => expect(lintFamilies(read(wrong))).not.toEqual([]));
});
