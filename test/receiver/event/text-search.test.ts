import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import { candidateLines } from "../../../workers/receiver/archive/segment-lines.ts";
import { NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import type { HeaderList } from "../../../workers/receiver/event/headers.ts";
import type { EventRecord, EventRow } from "../../../workers/receiver/event/record.ts";
import { holdsText, rowHoldsText, textSearch } from "../../../workers/receiver/event/text-search.ts";
import { rowOf, toLine } from "../support/logged.ts";

const recordOf = (row: EventRow) => JSON.parse(toLine(row)) as EventRecord;
const binary = new Uint8Array([0xff, ...utf8("Zeilenende\n"), 0xff]);

describe("holdsText", () => {
  const inUrl: [q: string, path: string | null, query: string | null, holds: boolean][] = [
    ["/webhook/a", "/webhook/a", null, true],
    ["HOOK/A?X", "/webhook/a", "x=1", true],
    ["?x=1", "/webhook/a", "x=1", true],
    ["a?", "/webhook/a", "", true],
    ["a?", "/webhook/a", null, false],
    ["?", "/webhook/a", null, false],
    ["order=17", "/webhook/a", "x=1&order=17", true],
    ["?b?", "/webhook/a", "b?c", true],
    ['"', "/webhook/a", 'q="1"', true],
    ['a","query":"x', "/webhook/a", "x=1", false],
    ["post", "/webhook/a", "x=1", false],
    ["webhook", null, null, false],
    ["null", null, null, false],
  ];
  it.each(inUrl)("%j in %j and the query %j: %s", (q, path, query, holds) => {
    const row = rowOf("", [], path === null ? {} : { method: "POST", path, query });
    const found = candidateLines(`${toLine(row)}\n`, { ...NO_FILTER, q }).length > 0;
    expect([holdsText(textSearch(q), recordOf(row)), rowHoldsText(textSearch(q), row)]).toEqual([holds, holds]);
    expect(found || !holds).toBe(true);
  });

  const json: HeaderList = [["content-type", "application/json"]];
  const cases: [q: string, body: string | Uint8Array, headers: HeaderList, holds: boolean][] = [
    ["paid", '{"type":"order.PAID"}', [], true],
    ["PAID", "paid", [], true],
    ["É", "é", [], true],
    ["σ", "ς", [], true],
    ["k", "\u212a", [], true],
    ["strasse", "straße", [], false],
    ['"a":', '{"a":1}', [], true],
    ["\\", "back\\slash", [], true],
    ["a\nb", "a\nb", [], true],
    ["a\\nb", "a\nb", [], false],
    ["</script>", "<script></SCRIPT>", [], true],
    ["😀", "x😀y", [], true],
    ["\u0000", "a\u0000b", [], true],
    [".*", "anything", [], false],
    ["(", "f(x)", [], true],
    ["content-type: application/json", "", json, true],
    ["TYPE: app", "", json, true],
    ["type:", "", json, true],
    [" application", "", json, true],
    [": ", "", json, true],
    ['content-type","application', "", json, false],
    ["contenttype", "", json, false],
    ["default", "", json, false],
    ["zeilenende\n", binary, [], true],
    [toBase64(binary).slice(0, 8), binary, [], false],
    ['"encoding":"base64"}', '"encoding":"base64"}', [], true],
  ];
  it.each(cases)("%j in %j, %j: %s", (q, body, headers, holds) => {
    const row = rowOf(body, headers);
    const found = candidateLines(`${toLine(row)}\n`, { ...NO_FILTER, q }).length > 0;
    expect([holdsText(textSearch(q), recordOf(row)), rowHoldsText(textSearch(q), row)]).toEqual([holds, holds]);
    expect(found || !holds).toBe(true);
  });
});
