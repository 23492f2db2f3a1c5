import { natureOf, totals } from "./nature.ts";
import type { Phase } from "./phases.ts";
import type { Measured } from "./run.ts";

/** The measurements as Markdown: the part of the README beside this file that a run brings. */

export type Result = { phase: Phase; measured: Measured[] };

const INTRODUCTION = [
  "`npm run compare` sends one stream of events through all of them at once, measures for two and a half minutes and",
  "draws the picture anew. Both tables are of one run, the first of its three rates together, in bytes an event:",
].join(" ");

const NOTES = [
  "One machine, all consumers beside each other: only what differs between them means something elsewhere.",
  "Everything is counted at each consumer's own sockets: who opened its connections, and whether an event came in an",
  "answer, in an answer that went on, or in a request; a webhook's URL is registered once, which is not counted.",
  "Time runs from the publisher's request to the consumer having the event; of 20 or 30 the p99 is the slowest. Bytes",
  "are those of TCP in both directions, headers included, without TLS. SSE is read from the receiver: its time includes",
  "the webhook that brought the event there, and its messages are summaries, a body being one more request. An event a",
  "minute was run 25 times faster: the waiting that consumers choose was shortened, and stretched again in what is shown.",
].join(" ");

/** Returns the whole part. @param picture the picture's Markdown */
export function markdown(results: readonly Result[], picture: string): string {
  return [INTRODUCTION, "", picture, "", table(natureRows(results)), "", table(measuredRows(results)), "", NOTES].join(
    "\n",
  );
}

function natureRows(results: readonly Result[]): string[][] {
  const head = ["", "connections it opened", "accepted", "who calls", "events came", "bytes to it", "from it"];
  const rows = totals(results.map(({ measured }) => measured)).map((row) => {
    const { calls, flows, publicUrl } = natureOf(row);
    const bytes = [row.bytesIn, row.bytesOut].map((each) => bytesInWords(each / row.events));
    return [row.consumer, String(row.opened), String(row.accepted), calls, flows, ...bytes, publicUrl];
  });
  return [[...head, "needs a public URL"], ...rows];
}

function measuredRows(results: readonly Result[]): string[][] {
  const rows = results.flatMap(({ phase, measured }) =>
    measured.map((row, index) => [
      index === 0 ? describe(phase) : "",
      row.consumer,
      String(row.requests),
      `${row.empty}`,
      bytesInWords((row.bytesIn + row.bytesOut) / row.events),
      timeInWords(row.p50),
      timeInWords(row.p99),
    ]),
  );
  return [["events", "consumer", "requests", "for nothing", "bytes an event", "seen after, p50", "p99"], ...rows];
}

function describe({ name, publishAt, lengthMs }: Phase): string {
  const seconds = Math.round(lengthMs / 1000);
  return `${name}: ${publishAt.length} in ${seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`}`;
}

/** Returns a table whose columns are as wide as their widest cell. */
function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  const [head = [], ...body] = rows;
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

function timeInWords(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function bytesInWords(bytes: number): string {
  return bytes < 10_000 ? `${Math.round(bytes)}` : `${(bytes / 1000).toFixed(1)} k`;
}
