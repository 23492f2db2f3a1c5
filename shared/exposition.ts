/** Prometheus' text format, version 0.0.4: families of samples as the text that a scrape reads. Pure. */

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

export type Sample = { labels?: Labels; value: number };

/** `counts` by `bounds` (seconds), each for itself, with one place more for all above; `sum` in seconds. */
export type HistogramSample = { labels?: Labels; bounds: readonly number[]; counts: readonly number[]; sum: number };

/** A metric: `name` and `help` as Prometheus' naming conventions ask for them. */
export type MetricFamily = { name: string; help: string } & (
  | { type: "counter" | "gauge"; samples: readonly Sample[] }
  | { type: "histogram"; samples: readonly HistogramSample[] }
);

/** Returns the text of families; one without a sample is left out. */
export function exposition(families: readonly MetricFamily[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(
      (family) =>
        `# HELP ${family.name} ${escaped(family.help)}\n# TYPE ${family.name} ${family.type}\n${lines(family)}`,
    )
    .join("");
}

function lines(family: MetricFamily): string {
  if (family.type === "histogram") return family.samples.map((each) => histogramLines(family.name, each)).join("");
  return family.samples.map(({ labels = {}, value }) => line(family.name, labels, value)).join("");
}

function histogramLines(name: string, { labels = {}, bounds, counts, sum }: HistogramSample): string {
  let total = 0;
  const buckets = [...bounds.map(String), "+Inf"].map((le, place) => {
    total += counts[place] ?? 0;
    return line(`${name}_bucket`, { ...labels, le }, total);
  });
  return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)].join("");
}

function line(name: string, labels: Labels, value: number): string {
  const written = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`);
  return `${name}${written.length === 0 ? "" : `{${written.join(",")}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
