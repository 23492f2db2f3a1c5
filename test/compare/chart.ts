import { type Nature, natureOf } from "./nature.ts";
import type { Measured } from "./run.ts";
import type { Result } from "./table.ts";

/**
 * The picture: one row for each consumer and rate, three scales, and a colour for each way in which events came. The
 * patterns differ by factors, so all scales are logarithmic, with dots instead of bars.
 */

type Scale = { title: string; min: number; max: number; ticks: Readonly<Record<string, number>> };
/** `until`: the end of a line that begins at the dot; `within`: a ring, for a part of the dot's value. */
type Panel = Scale & { of: Value; until?: Value; within?: Value };
type Value = (row: Measured) => number;

const PANELS: readonly Panel[] = [
  {
    ...{ title: "published to seen: p50 ● to p99 |", min: 1, max: 20_000 },
    ticks: { "1 ms": 1, "10 ms": 10, "100 ms": 100, "1 s": 1000, "10 s": 10_000 },
    ...{ of: (row) => row.p50, until: (row) => row.p99 },
  },
  {
    ...{ title: "requests an event ●, for nothing ○", min: 0.01, max: 100 },
    ticks: { "1/100": 0.01, "1/10": 0.1, "1": 1, "10": 10, "100": 100 },
    ...{ of: (row) => row.requests / row.events, within: (row) => row.empty / row.events },
  },
  {
    ...{ title: "bytes an event ●", min: 100, max: 100_000 },
    ...{
      ticks: { "100": 100, "1 k": 1000, "10 k": 10_000, "100 k": 100_000 },
      of: (row) => (row.bytesIn + row.bytesOut) / row.events,
    },
  },
];

const LABELS = 150;
const PANEL = 230;
const GAP = 40;
const ROW = 22;
const LEGEND = 30;
const HEAD = 58 + LEGEND;
const PHASE = 34;

/** Readable on a light page and on a dark one: the page's own scheme decides. */
const STYLE = `
  svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
  text { fill: #1b1f24; } .quiet { fill: #57606a; font-size: 11px; } .phase { font-weight: 600; }
  line { stroke: #d5dae0; } .range { stroke-width: 3; } .end { stroke-width: 3; }
  .way0 { fill: #8a5300; stroke: #8a5300; } .way1 { fill: #0f766e; stroke: #0f766e; }
  .way2 { fill: #0b57d0; stroke: #0b57d0; } .way3 { fill: #1b1f24; stroke: #1b1f24; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e8eb; } .quiet { fill: #9aa4af; } line { stroke: #343b44; }
    .way0 { fill: #e9b44c; stroke: #e9b44c; } .way1 { fill: #5fd3bc; stroke: #5fd3bc; }
    .way2 { fill: #8ab4f8; stroke: #8ab4f8; } .way3 { fill: #e6e8eb; stroke: #e6e8eb; }
  }
  .ring { fill: none; }`;

export function svg(results: readonly Result[]): string {
  const width = LABELS + PANELS.length * (PANEL + GAP);
  const ways = [...new Set(results.flatMap(({ measured }) => measured.map((row) => inWords(natureOf(row)))))];
  const parts: string[] = [];
  let y = HEAD;
  for (const { phase, measured } of results) {
    parts.push(`<text class="phase" x="0" y="${y + 16}">Events: ${phase.name}</text>`);
    y += PHASE;
    for (const row of measured) {
      parts.push(...rowOf(row, y, classOf(ways.indexOf(inWords(natureOf(row))))));
      y += ROW;
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 10}" role="img" aria-labelledby="title">`,
    `<title id="title">Latency, requests and bytes of polling, long polling, SSE and webhook at three rates</title>`,
    `<style>${STYLE}\n</style>`,
    ...ways.flatMap(legend),
    ...PANELS.flatMap((panel, index) => axis(panel, index, y)),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function inWords({ calls, flows, publicUrl }: Nature): string {
  return `${calls} calls, events ${flows}${publicUrl === "yes" ? ": needs a public URL" : ""}`;
}

/** Returns a class of `STYLE`. */
function classOf(way: number): string {
  return `way${Math.min(way, 3)}`;
}

function legend(words: string, way: number): string[] {
  const x = left(way) - LABELS + 6;
  return [
    `<circle class="${classOf(way)}" cx="${x}" cy="10" r="4.5"/>`,
    `<text class="quiet" x="${x + 10}" y="14">${words}</text>`,
  ];
}

function axis(panel: Panel, index: number, bottom: number): string[] {
  const lines = Object.entries(panel.ticks).flatMap(([words, tick]) => {
    const x = position(panel, index, tick);
    return [
      `<line x1="${x}" y1="${HEAD - 8}" x2="${x}" y2="${bottom}"/>`,
      `<text class="quiet" x="${x}" y="${HEAD - 14}" text-anchor="middle">${words}</text>`,
    ];
  });
  return [`<text x="${left(index)}" y="${HEAD - 36}">${panel.title}</text>`, ...lines];
}

function rowOf(row: Measured, y: number, kind: string): string[] {
  const middle = y + 4;
  const marks = PANELS.flatMap((panel, index) => {
    const x = position(panel, index, panel.of(row));
    const dot = `<circle class="${kind}" cx="${x}" cy="${middle}" r="4.5"/>`;
    const part = panel.within?.(row) ?? 0;
    if (part > 0) {
      const ring = position(panel, index, part);
      return [dot, `<circle class="ring ${kind}" cx="${ring}" cy="${middle}" r="6"/>`];
    }
    if (panel.until === undefined) return [dot];
    const end = position(panel, index, panel.until(row));
    return [
      `<line class="range ${kind}" x1="${x}" y1="${middle}" x2="${end}" y2="${middle}"/>`,
      `<line class="end ${kind}" x1="${end}" y1="${middle - 6}" x2="${end}" y2="${middle + 6}"/>`,
      dot,
    ];
  });
  return [`<text x="${LABELS - 14}" y="${y + 8}" text-anchor="end">${row.consumer}</text>`, ...marks];
}

/** Returns the x of a value; values beyond a scale stand at its end. */
function position({ min, max }: Scale, index: number, value: number): number {
  const share = Math.log(Math.min(max, Math.max(min, value)) / min) / Math.log(max / min);
  return Math.round((left(index) + share * PANEL) * 10) / 10;
}

function left(index: number): number {
  return LABELS + index * (PANEL + GAP);
}
