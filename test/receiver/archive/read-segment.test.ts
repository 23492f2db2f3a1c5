import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { recordsIn, storedEventsIn, summariesIn } from "../../../workers/receiver/archive/read-segment.ts";
import { candidateLines, linesWith } from "../../../workers/receiver/archive/segment-lines.ts";
import { matches, NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import type { HeaderList } from "../../../workers/receiver/event/headers.ts";
import { type EventRow, toRecord, toSummary } from "../../../workers/receiver/event/record.ts";
import { targetText, UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { rowHoldsText, textSearch } from "../../../workers/receiver/event/text-search.ts";
import { awkwardText, rowOf, toLine } from "../support/logged.ts";

/** Folds one character at a time, as a person would compare them. */
const fold = (text: string) => [...text].map((character) => character.toUpperCase().toLowerCase()).join("");

const bodies = fc.oneof(
  { weight: 3, arbitrary: awkwardText },
  { weight: 1, arbitrary: awkwardText.map((text) => new Uint8Array([0xff, ...utf8(text)])) },
);
/** Request lines, some of them not known. */
const lines = fc.oneof(
  fc.constant(UNKNOWN_LINE),
  fc.record({
    method: fc.constant("POST"),
    path: awkwardText.map((text) => `/${text}`),
    query: fc.option(awkwardText, { nil: null }),
  }),
);
const rows = fc
  .array(fc.record({ body: bodies, name: awkwardText, value: awkwardText, line: lines }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((made) => made.map(({ body, name, value, line }, at) => rowOf(body, [[name, value]], { ...line, seq: at + 1 })));

/** Mostly pieces of the rows themselves, so that something is found. */
const searches = rows.chain((made) => {
  const texts = made.flatMap((row) => [
    targetText(row),
    ...JSON.parse(row.headers).map((pair: string[]) => pair.join(": ")),
    bodyText(row),
  ]);
  const piece = fc.tuple(fc.constantFrom(...texts), fc.nat(20), fc.nat(6)).map(([text, from, length]) =>
    [...text]
      .slice(from % Math.max([...text].length, 1))
      .slice(0, length + 1)
      .join(""),
  );
  return fc.record({ rows: fc.constant(made), q: fc.oneof(piece, awkwardText) });
});

function bodyText({ body }: EventRow): string {
  const bytes = new Uint8Array(body);
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: bytes[0] !== 0xff }).decode(bytes);
}

describe("recordsIn", () => {
  it("finds in a segment's text what a naive search finds in its events", () => {
    const property = fc.property(searches, ({ rows, q }) => {
      fc.pre(q !== "");
      const text = rows.map((row) => `${toLine(row)}\n`).join("");
      const wanted = { range: { from: 1, to: rows.length }, ascending: true, filter: { ...NO_FILTER, q }, cleared: [] };
      const segment = { firstSeq: 1, lastSeq: rows.length, epoch: "" };
      const found = recordsIn({ text, damaged: [] }, segment, wanted, 100);
      const naive = rows.filter((row) => {
        const headers = (JSON.parse(row.headers) as HeaderList).map((pair) => pair.join(": "));
        return [targetText(row), ...headers, bodyText(row)].some((part) => fold(part).includes(fold(q)));
      });
      expect(found.events.map(({ seq }) => seq)).toEqual(naive.map(({ seq }) => seq));
      expect(summariesIn({ text, damaged: [] }, segment, wanted, 100).events).toEqual(naive.map(toSummary));
      expect(rows.filter((row) => rowHoldsText(textSearch(q), row))).toEqual(naive);
    });
    fc.assert(property, { numRuns: 1500 });
  });
});

describe("summariesIn", () => {
  const [whole, cut] = [toLine(rowOf("abc", [["a", "b"]], { seq: 1 })), toLine(rowOf("abc", [["a", "b"]], { seq: 2 }))];
  const segment = { firstSeq: 1, lastSeq: 2, epoch: "" };
  const wanted = (q: string | null) => {
    return { range: { from: 1, to: 2 }, ascending: true, filter: { ...NO_FILTER, q }, cleared: [] };
  };
  const text = (second: string) => ({ text: `${whole}\n${second}\n`, damaged: [] });

  it("shows the summary of a line whose rest is damaged, unless the rest is searched", () => {
    const damaged = text(cut.replace('"headers":[[', '"headers":[[['));
    expect(recordsIn(damaged, segment, wanted(null), 9)).toMatchObject({ events: [{ seq: 1 }], damaged: [2] });
    expect(summariesIn(damaged, segment, wanted(null), 9)).toMatchObject({
      events: [{ seq: 1 }, { seq: 2 }],
      damaged: [],
    });
    expect(summariesIn(damaged, segment, wanted("a: b"), 9)).toMatchObject({ events: [{ seq: 1 }], damaged: [2] });
  });

  it.each(['{"seq":2,"id":}', '{"seq":2,"damaged":true}'])("names a line without a summary, %s", (line) => {
    expect(summariesIn(text(line), segment, wanted(null), 9)).toMatchObject({ events: [{ seq: 1 }], damaged: [2] });
  });

  it.each(["}", '"}', "{", '"', "encoding", "body", ",", "u00", "1f", "n", "\\n"])(
    "finds no event by %j, which stands in every line but not in what is shown",
    (q) => {
      const row = rowOf("a\u001f\n", [["x-a", "x"]], { seq: 1 });
      const found = summariesIn({ text: `${toLine(row)}\n`, damaged: [] }, { ...segment, lastSeq: 1 }, wanted(q), 9);
      expect(found).toEqual({ events: [], damaged: [] });
    },
  );

  it("takes no text of a stranger for the end of the summary", () => {
    const id = '\\,"method":"x",\\"';
    const row = rowOf('{"a":1,"body":"no"}', [[',"body":', ',"headers":']], { seq: 1, id, type: ',"headers":' });
    for (const q of [null, '"body":"no"', ',"headers":']) {
      const one = { ...segment, lastSeq: 1 };
      expect(summariesIn({ text: `${toLine(row)}\n`, damaged: [] }, one, wanted(q), 9).events).toEqual([
        toSummary(row),
      ]);
    }
  });
});

describe("storedEventsIn", () => {
  it("has each wanted event as its record, headers and line say it, parsed or not", () => {
    const property = fc.property(searches, fc.boolean(), ({ rows, q }, all) => {
      const text = rows.map((row) => `${toLine(row)}\n`).join("");
      const filter = all ? NO_FILTER : { ...NO_FILTER, q };
      const wanted = { range: { from: 1, to: rows.length }, ascending: true, filter, cleared: [] };
      const segment = { firstSeq: 1, lastSeq: rows.length, epoch: "" };
      const parsed = storedEventsIn({ text, damaged: [] }, segment, wanted);
      const asStored = storedEventsIn({ text, damaged: [] }, { ...segment, masked: true }, wanted);
      const expected = rows.filter((row) => matches(filter, toRecord(row)));
      for (const { events, damaged } of [parsed, asStored]) {
        expect(damaged).toEqual([]);
        expect(events.map(({ seq }) => seq)).toEqual(expected.map(({ seq }) => seq));
        expect(events.map(({ line }) => line)).toEqual(expected.map(toLine));
        expect(events.map(({ headers }) => headers)).toEqual(expected.map((row) => row.headers));
        const bodies = events.map(({ record }) => [record.body, record.encoding, record.path ?? null]);
        const own = expected.map(toRecord);
        expect(bodies).toEqual(own.map((record) => [record.body, record.encoding, record.path]));
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it.each([false, true])("names a damaged line, masked %s", (masked) => {
    const line = toLine(rowOf("abc", [], { seq: 2 }));
    const broken = ['{"seq":2,"damaged":true}', line.replace('"body":"', '"body":'), line.replace('"headers"', '"h"')];
    for (const second of broken) {
      const text = `${toLine(rowOf("abc"))}\n${second}\n`;
      const wanted = { range: { from: 1, to: 2 }, ascending: true, filter: NO_FILTER, cleared: [] };
      const found = storedEventsIn({ text, damaged: [] }, { firstSeq: 1, lastSeq: 2, epoch: "", masked }, wanted);
      expect(found).toMatchObject({ events: [{ seq: 1 }], damaged: [2] });
    }
  });
});

describe("candidateLines", () => {
  const sources = fc.constantFrom("a", "b", 'a"', "a,", "a\\");
  const types = fc.constantFrom(null, "x", "x.y", "x.z", 'x"', "y", 'x","source":"a');
  it("leaves out no line of the source and type, and finds no other record", () => {
    const events = fc.array(fc.record({ source: sources, type: types, body: awkwardText }), { maxLength: 8 });
    const property = fc.property(
      events,
      fc.option(sources),
      fc.option(fc.constantFrom("x", "x.*", 'x"', "*.*")),
      (made, source, type) => {
        const rows = made.map(({ body, ...more }, index) => rowOf(body, [], { ...more, seq: index + 1 }));
        const filter = { ...NO_FILTER, source, type };
        const text = rows.map((row) => `${toLine(row)}\n`).join("");
        const lines = candidateLines(text, filter).map(({ start, end }) => text.slice(start, end));
        const found = lines.filter((line) => matches(filter, JSON.parse(line)));
        expect(found).toEqual(rows.map(toLine).filter((line) => matches(filter, JSON.parse(line))));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it("finds no line in a text without a match", () => {
    const text = `${toLine(rowOf("abc"))}\n`.repeat(3);
    expect(candidateLines(text, { ...NO_FILTER, q: "xyz" })).toEqual([]);
    expect(candidateLines(text, { ...NO_FILTER, source: "github" })).toEqual([]);
  });
});

describe("linesWith", () => {
  it("has each line once, whole", () => {
    expect(linesWith("aa\nb\nca\n", "a")).toEqual(["aa", "ca"]);
    expect(linesWith("", "a")).toEqual([]);
  });
});
