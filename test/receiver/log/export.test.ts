import { reset } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exportQuery } from "../../../workers/receiver/api/export.ts";
import { storedEventOf } from "../../../workers/receiver/archive/read-segment.ts";
import { NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { csv, exportLog, ndjson } from "../../../workers/receiver/log/export.ts";
import type { LogReader } from "../../../workers/receiver/log/logs.ts";
import { call, callWith, env, keys, pass, SECOND, START, setTime } from "../support/harness.ts";
import { awkwardText, flush, log, reader, segments, settle, tailRecords } from "../support/logged.ts";

beforeEach(() => setTime(START));
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

const textOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer());
const text = async (path: string) => textOf(await call(path));
const linesOf = (ndjson: string) =>
  ndjson
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as EventRecord);
const large = { body: "x".repeat(1000) };

async function open(from: LogReader) {
  const query = { format: ndjson, after: null, paged: false, filter: NO_FILTER, scanBytes: 1 };
  return (await exportLog(from, query)).stream.pipeThrough(new TextDecoderStream()).getReader();
}

/** Returns the stream's text until its end, and the error that it ended with, if any. */
async function drain(stream: ReadableStreamDefaultReader<string>): Promise<{ text: string; error: string | null }> {
  let text = "";
  for (;;) {
    try {
      const { done, value } = await stream.read();
      if (done) return { text, error: null };
      text += value;
    } catch (error) {
      return { text, error: String(error) };
    }
  }
}

describe("exportLog", () => {
  it("has every event, oldest first, from segments and tails alike", async () => {
    await log({ source: "a", type: "x", body: "1" }, { body: new Uint8Array([255]) });
    const [one, two] = await tailRecords();
    await settle();
    await log({ body: '{"a":\n"\u2028"}', headers: [["x-a", "\u00e9"]] });
    const [three] = await tailRecords();
    expect(linesOf(await text("/events/export"))).toEqual([one, two, three]);
    expect(linesOf(await text("/events/export?format=ndjson&source=a"))).toEqual([one]);
    expect(linesOf(await text("/events/export?q=%C3%89"))).toEqual([three]);
    expect(linesOf(await text("/events/export?after=1"))).toEqual([two, three]);
    expect(await text("/events/export?q=nowhere")).toBe("");
  });

  it("is empty for an empty log, but for the head of a CSV file", async () => {
    expect(await text("/events/export")).toBe("");
    expect(await text("/events/export?format=csv")).toBe(csv.head);
    expect(await text("/events/export?format=csv&after=0")).toBe("");
  });

  it("has the events that were there when it began, even if they move into segments meanwhile", async () => {
    await log(large, large);
    await flush();
    await log(large, large);
    const stream = await open(reader());
    await log(large);
    await settle();
    await settle();
    const { text, error } = await drain(stream);
    expect([linesOf(text).map(({ seq }) => seq), error]).toEqual([[1, 2, 3, 4], null]);
  });

  it("leaves out cleared events", async () => {
    await segments([{ source: "a" }, { source: "b" }], [{ source: "b" }]);
    await log({ source: "a" }, { source: "b" });
    const { text } = await drain(await open(reader([{ source: "a", seq: 4 }])));
    expect(linesOf(text).map(({ seq }) => seq)).toEqual([2, 3, 5]);
  });

  describe("when a later part cannot be read just now", () => {
    let lost = { key: "", text: "" };
    const restore = () => env.EVENTS.put(lost.key, lost.text);
    /** Makes a log of five segments of which the fourth is not shown. */
    const lose = async () => {
      await segments([large], [large], [large], [large], [large]);
      const [, key = ""] = await keys();
      lost = { key, text: (await env.EVENTS.get(key)) ?? "" };
      await env.EVENTS.delete(key);
    };
    const waits = (during: (nth: number) => Promise<void> | void) => {
      const wait = vi.spyOn(scheduler, "wait");
      return wait.mockImplementation(async () => during(wait.mock.calls.length));
    };

    it("tries again, and is whole once the part can be read", async () => {
      await lose();
      const wait = waits(async (nth) => {
        if (nth === 3) await restore();
      });
      const { text, error } = await drain(await open(reader()));
      expect([linesOf(text).map(({ seq }) => seq), error]).toEqual([[1, 2, 3, 4, 5], null]);
      expect(wait.mock.calls.map(([ms]) => ms)).toEqual([10_000, 10_000, 10_000]);
    });

    it.each([
      ["", [1, 2, 3, { from: 4, to: 4 }, 5]],
      ["source=default", [1, 2, 3, { from: 4, to: 4 }, 5]],
    ])("names it in its place once it counts as missing, filtered by %j", async (filter, expected) => {
      await lose();
      const wait = waits(() => pass(10 * SECOND));
      const shown = (await text(`/events/export?${filter}`)).trim().split("\n");
      expect(shown.map((line) => JSON.parse(line).seq ?? JSON.parse(line).missing)).toEqual(expected);
      expect(wait.mock.calls.length).toBeLessThanOrEqual(7);
    });

    it("is cut in the end, and says how often it waited", async () => {
      await lose();
      const wait = waits(() => {});
      const said = vi.spyOn(console, "log").mockImplementation(() => {});
      const { text, error } = await drain(await open(reader()));
      expect([linesOf(text).map(({ seq }) => seq), error]).toEqual([
        [1, 2, 3],
        expect.stringContaining("numbers 4 are"),
      ]);
      expect(wait).toHaveBeenCalledTimes(12);
      const last = JSON.parse(said.mock.calls.at(-1)?.[0] ?? "{}");
      expect(last).toMatchObject({ event: "export.failed", waited: 12 });
    });

    it("waits no longer once the client has left", async () => {
      await lose();
      const waiting = Promise.withResolvers<AbortSignal | undefined>();
      const wait = vi.spyOn(scheduler, "wait").mockImplementation((_ms, options) => {
        waiting.resolve(options?.signal);
        return new Promise((_resolve, reject) => {
          options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
        });
      });
      const stream = await open(reader());
      for (let chunks = 0; chunks < 3; chunks++) await stream.read();
      await waiting.promise;
      await stream.cancel();
      expect((await waiting.promise)?.aborted).toBe(true);
      expect(wait).toHaveBeenCalledTimes(1);
    });
  });

  it("answers 503 at once when the first part cannot be read just now", async () => {
    await segments([large], [large]);
    await env.EVENTS.delete((await keys()).at(-1) ?? "");
    const wait = vi.spyOn(scheduler, "wait");
    const response = await call("/events/export");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(wait).not.toHaveBeenCalled();
  });

  it("reads ahead of a slow reader no more than a few segments, and nothing once it has left", async () => {
    await segments(...Array.from({ length: 12 }, () => [large]));
    const from = reader();
    const stream = await open(from);
    await stream.read();
    await scheduler.wait(20);
    const ahead = from.gets.length;
    expect(ahead).toBeLessThan(8);
    await stream.cancel();
    await scheduler.wait(20);
    expect(from.gets.length).toBeLessThanOrEqual(ahead + 1);
  });
});

describe("GET /events/export", () => {
  it("is a file that no browser renders", async () => {
    const { headers } = await call("/events/export?format=csv");
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="events-main.csv"',
      "x-content-type-options": "nosniff",
    });
  });

  it("pages through a log, each page one scan long, and links to the next", async () => {
    await segments([large], [large], [large]);
    await log(large, large);
    const parts: number[][] = [];
    for (let path: string | undefined = "/events/export?paged=true&q=X"; path !== undefined; ) {
      const response = await callWith({ SCAN_BYTES: "2500" }, path);
      parts.push(linesOf(await textOf(response)).map(({ seq }) => seq));
      path = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
      expect(response.headers.get("next-after")).toBe(path === undefined ? null : String(parts.flat().at(-1)));
    }
    expect(parts).toEqual([[1, 2], [3], [4, 5]]);
  });

  it.each(["format=xml", "format=__proto__", "paged=1", "limit=5", "format=csv&format=csv", "since=now"])(
    "refuses ?%s",
    (parameters) => {
      const refusal = expect.objectContaining({ code: "invalid_parameter" });
      expect(() => exportQuery(new URLSearchParams(parameters), 1)).toThrow(refusal);
    },
  );

  it("refuses a cursor that is none, or beyond the head, and other methods", async () => {
    expect(() => exportQuery(new URLSearchParams("after=x"), 1)).toThrow(
      expect.objectContaining({ code: "invalid_cursor" }),
    );
    expect((await call("/events/export?after=1")).status).toBe(409);
    expect((await call("/events/export", { method: "POST" })).status).toBe(405);
  });
});

/** Reads CSV as a spreadsheet that splits at `separator` and finds no quotes around the cells: the worst that may be. */
const cellsSplitAt = (text: string, separator: string) => text.split(/[\r\n]/).flatMap((line) => line.split(separator));

/** Reads CSV as RFC 4180 has it, quotes and all. */
function parseCsv(text: string): string[][] {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  const rows: string[][] = [[]];
  for (let match = cell.exec(text); match !== null; match = cell.exec(text)) {
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "\r\n") rows.push([]);
    if (cell.lastIndex === text.length) return rows.slice(0, -1);
  }
  throw new Error(`not CSV: ${JSON.stringify(text)}`);
}

/** Position of the body among the columns. */
const BODY = 9;

const record: EventRecord = {
  seq: 7,
  id: "msg_1",
  source: "default",
  type: "a",
  receivedAt: "2040-01-01T00:00:00.000Z",
  bytes: 2,
  verification: "verified",
  method: "POST",
  path: "/webhook",
  query: "a=1",
  headers: [["x-a", 'b"c']],
  body: "{}",
};

/** Returns the row of a record. */
const csvLine = (made: EventRecord) => csv.line(storedEventOf(made));

describe("csv", () => {
  const cases: [body: string, cell: string][] = [
    ["plain", "plain"],
    ["a,b", "a,b"],
    ['say "x"', 'say "x"'],
    ["two\r\nlines", "two\r\nlines"],
    ["=1+1", "'=1+1"],
    ['=HYPERLINK("http://x","y")', `'=HYPERLINK("http://x","y")`],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t'=1"],
    ["\r=1", "'\r'=1"],
    ["\n=1", "'\n'=1"],
    ["\u0000=1", "'\u0000=1"],
    ["\u0085=1", "'\u0085=1"],
    ["\ufeff=1", "'\ufeff=1"],
    ["'=1", "'=1"],
    [" =1", "' =1"],
    ["\u3000\u00a0=1", "'\u3000\u00a0=1"],
    ["＝1", "'＝1"],
    ["＋1", "'＋1"],
    ["－1", "'－1"],
    ["＠SUM(A1)", "'＠SUM(A1)"],
    [" ＝1", "' ＝1"],
    ["a;=1", "a;'=1"],
    ["a; =1", "a;' =1"],
    ["a\t＝1", "a\t'＝1"],
    ["a\n@x", "a\n'@x"],
    ["a\r\n-1", "a\r\n'-1"],
    ['a;"=1"', `a;'"=1"`],
    ["a;\u200b=1", "a;'\u200b=1"],
    ["a;b\tc\nd", "a;b\tc\nd"],
    ["a,=1", "a,=1"],
    ["a=1;b=2", "a=1;b=2"],
    ["", ""],
  ];
  it.each(cases)("writes the body %j as %j", (body, cell) => {
    expect(parseCsv(csvLine({ ...record, body }))[0]?.[BODY]).toBe(cell);
  });

  it("has a column for each part, and says where a body is base64", () => {
    const text =
      csv.head +
      csvLine(record) +
      csvLine({ ...record, id: null, type: "=x", encoding: "base64", body: "/w==" }) +
      csvLine({ ...record, ...UNKNOWN_LINE });
    const rest = ["default", "a", "2040-01-01T00:00:00.000Z", "2", "verified", '[["x-a","b\\"c"]]', "", "{}"];
    const line = ["POST", "/webhook", "a=1"];
    expect(parseCsv(text)).toEqual([
      "seq id source type receivedAt bytes verification headers encoding body method path query".split(" "),
      ["7", "msg_1", ...rest, ...line],
      ["7", "", "default", "'=x", ...rest.slice(2, 6), "base64", "/w==", ...line],
      ["7", "msg_1", ...rest, "", "", ""],
    ]);
  });

  it("never breaks a row, and begins no cell as a formula, whatever is in it", () => {
    const property = fc.property(
      awkwardText,
      awkwardText,
      fc.constantFrom("", "=", "+", "-", "@", "\r", "＝", " ＋", "\t－", "＠", ";=", ' ; "-', "\n@"),
      (id, text, begin) => {
        const rows = parseCsv(csvLine({ ...record, id, type: begin + text, body: begin + text }).repeat(2));
        expect(rows.map((cells) => cells.length)).toEqual([13, 13]);
        expect(rows.flat().filter((cell) => /^[\s"]*[=+\-@＝＋－＠]|^\p{Cc}/u.test(cell))).toEqual([]);
        expect(rows[0]?.[BODY]?.replaceAll("'", "")).toBe(begin + text);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it.each([";", "\t"])("begins no cell as a formula where a spreadsheet splits at %j", (separator) => {
    const sign = fc.constantFrom(..."=+-@＝＋－＠");
    const blank = fc.constantFrom("", " ", '"', "\u00a0", "\u3000", "\ufeff", "\u200b", "\u0000");
    const attack = fc.tuple(awkwardText, fc.constantFrom(";", "\t", "\r", "\n", ""), blank, blank, sign, awkwardText);
    const property = fc.property(
      attack.map((parts) => parts.join("")),
      (text) => {
        const line = csvLine({ ...record, id: text, type: text, headers: [[text, text]], query: text, body: text });
        const runs = /^[\s"\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]/u;
        expect(cellsSplitAt(line, separator).filter((cell) => runs.test(cell))).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
