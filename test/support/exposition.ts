/**
 * Reads Prometheus' text format as strictly as its specification says, and finds what `promtool check metrics` finds:
 * names, units, suffixes, help, histograms.
 */

export type ReadSample = { name: string; labels: Readonly<Record<string, string>>; value: number };
export type ReadFamily = { name: string; help: string; type: string; samples: ReadSample[] };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const TYPES = ["counter", "gauge", "histogram"];
/** Units that are not the base ones, short forms, and words for the type. */
const BAD_WORDS = new Set([
  ...["milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks", "percent"],
  ...["kilobytes", "megabytes", "gigabytes", "kibibytes", "mebibytes", "gibibytes", "bits"],
  ...["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"],
  ...["counter", "gauge", "histogram", "summary", "untyped"],
]);

/** Returns the families by name. @throws Error that names the line which is not of the format */
export function readExposition(text: string): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line must end");
  const families = new Map<string, ReadFamily>();
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") {
      if (families.has(name) || !NAME.test(name)) throw new Error(`a second or wrong name: ${line}`);
      family = { name, help: rest, type: "", samples: [] };
      families.set(name, family);
    } else if (word === "TYPE") {
      if (family?.name !== name || family.type !== "" || !TYPES.includes(rest)) throw new Error(`wrong TYPE: ${line}`);
      family.type = rest;
    } else {
      if (family === undefined || family.type === "") throw new Error(`a sample before its TYPE: ${line}`);
      family.samples.push(readSample(line, family));
    }
  }
  return families;
}

function readSample(line: string, { name: family, type }: ReadFamily): ReadSample {
  const [, name = "", labelText = "", number = ""] = SAMPLE.exec(line) ?? [];
  const suffix = name.slice(family.length);
  const allowed = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!name.startsWith(family) || !allowed.includes(suffix)) throw new Error(`not a sample of ${family}: ${line}`);
  const value = Number(number);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels: readLabels(labelText, line), value };
}

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const [, name = "", value = ""] = LABEL.exec(text) ?? [];
    if (LABEL.lastIndex <= at || name in labels) throw new Error(`wrong labels: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_all, char) => (char === "n" ? "\n" : char));
  }
  return labels;
}

/** Returns what is wrong with families by the conventions, a line each. */
export function lintFamilies(families: ReadonlyMap<string, ReadFamily>): string[] {
  return [...families.values()].flatMap((family) => [...lintName(family), ...lintSamples(family)]);
}

function lintName({ name, help, type }: ReadFamily): string[] {
  const words = name.split("_");
  return [
    ...(help === "" ? [`${name}: no help`] : []),
    ...(/[A-Z:]/.test(name) ? [`${name}: capitals or colons`] : []),
    ...((type === "counter") === name.endsWith("_total")
      ? []
      : [`${name}: _total is for counters, and for all of them`]),
    ...(/_(bucket|sum|count)$/.test(name) ? [`${name}: the suffix is a histogram's`] : []),
    ...words.filter((word) => BAD_WORDS.has(word)).map((word) => `${name}: ${word} is no word for a name`),
  ];
}

function lintSamples(family: ReadFamily): string[] {
  const { name, type, samples } = family;
  const keys = samples.map((each) => JSON.stringify([each.name, Object.entries(each.labels).sort()]));
  const labels = new Set(samples.flatMap((each) => Object.keys(each.labels)));
  return [
    ...(samples.length === 0 ? [`${name}: no sample`] : []),
    ...(new Set(keys).size < keys.length ? [`${name}: one series twice`] : []),
    ...[...labels].filter((label) => /[A-Z]|^__/.test(label)).map((label) => `${name}: label ${label}`),
    ...(type !== "histogram" && (labels.has("le") || labels.has("quantile")) ? [`${name}: a reserved label`] : []),
    ...(type !== "gauge" && samples.some(({ value }) => value < 0) ? [`${name}: below 0`] : []),
    ...(type === "histogram" ? lintHistogram(family) : []),
  ];
}

function lintHistogram({ name, samples }: ReadFamily): string[] {
  const keyOf = ({ labels: { le: _le, ...labels } }: ReadSample) => JSON.stringify(labels);
  return [...Map.groupBy(samples, keyOf)].flatMap(([key, series]) => {
    const buckets = series.filter((each) => each.name.endsWith("_bucket"));
    const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le)));
    const values = buckets.map(({ value }) => value);
    const count = series.find((each) => each.name.endsWith("_count"))?.value;
    const sums = series.filter((each) => each.name.endsWith("_sum")).length;
    const rising = (list: readonly number[]) => list.every((value, index) => value >= (list[index - 1] ?? 0));
    const right = bounds.at(-1) === Number.POSITIVE_INFINITY && rising(bounds) && rising(values) && sums === 1;
    return right && values.at(-1) === count ? [] : [`${name}${key}: no right histogram`];
  });
}
