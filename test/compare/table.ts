import { natureOf, totals } from "./nature.ts";
import type { Phase } from "./phases.ts";
import type { Measured } from "./run.ts";

/** The measurements as Markdown: the part of the README beside this file that a run brings. */

export type Result = { phase: Phase; measured: Measured[] };

const INTRODUCTION =
  "`npm run compare` sends one stream of events through all of them at once, for two and a half minutes, and draws the picture anew. Both tables are of one run. The first adds up its three rates; bytes are per event.";

const NOTES = [
  "All consumers ran beside each other on one machine. Only the differences between them mean something on another.",
  "Everything is counted at each consumer's own sockets: who opened the connections, and if an event came in an answer, in an open answer or in a request.",
  "The time runs from the publisher's request until the consumer has the event. Of 20 or 30 events the p99 is the slowest.",
  "Bytes are those of TCP in both directions, headers included, without TLS.",
  "SSE is read from the receiver. Its time includes the webhook that brought the event there. Its messages are summaries; a body takes one more request.",
  "The registration of the webhook's URL is not counted.",
  "One event a minute was run 25 times faster. The waiting that consumers choose was shortened, and is stretched again in the tables.",
];

/** Returns the whole part. @param picture the picture's Markdown */
export function markdown(results: readonly Result[], picture: string): string {
  const notes = NOTES.map((note) => `- ${note}`);
  const tables = [table(natureRows(results)), "", table(measuredRows(results))];
  return [INTRODUCTION, "", picture, "", ...tables, "", ...notes].join("\n");
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
