import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Json, readJsonText } from "../../workers/receiver/viewer/parts/json.ts";

/** JSON as the browser lays it out. Its module is imported by a path, because the Workers import it as text. */
type Node = { key: string | null; start: number; end: number; members: Node[] | null; parent: Node | null };
type ReadJson = {
  readJson(text: string): Node | null;
  valueText(text: string, node: Node): string;
  pathOf(node: Node): string;
  nodeWith(top: Node, at: number): Node;
};
const { readJson, valueText, pathOf, nodeWith }: ReadJson = await import(
  "../../workers/receiver/viewer/client/read-json.js" as string
);

/** Returns a tree of the browser as the server has it. */
function asOnServer(text: string, { start, end, members }: Node): Json {
  if (members === null) return { text: text.slice(start, end) };
  const open = text[start] === "{" ? "{" : "[";
  return { open, members: members.map((member) => ({ key: member.key, value: asOnServer(text, member) })) };
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const member of node.members ?? []) yield* nodesOf(member);
}

const top = (text: string): Node => {
  const node = readJson(text);
  if (node === null) throw new Error(`not JSON: ${text}`);
  return node;
};

describe("readJson", () => {
  const samples: [name: string, text: string][] = [
    ["repeated members", '{"a":1,"a":{"a":3}}'],
    ["numbers beyond what JavaScript counts", "[12345678901234567890, 1e400, 1.10, -0]"],
    ["escapes", String.raw`{"\u0061\"":"\\", "\\\\":["\"", "\\\""]}`],
    ["structure within strings", '["{", "]", ":", ",", {"[":"}"}]'],
    ["white space", ' \n\t\r[ 1 ,\n{ "a" : [ ] , "b":{ } } ] \n'],
    ["a bare value", ' "text" '],
    ["a bare number", "1"],
    ["a thousand within each other", `${'[{"a":'.repeat(500)}"]"${"}]".repeat(500)}`],
  ];
  it.each(samples)("finds the values that the server finds: %s", (_name, text) => {
    expect(asOnServer(text, top(text))).toEqual(readJsonText(text));
  });

  it("finds the values that the server finds, of any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(asOnServer(text, top(text))).toEqual(readJsonText(text));
      }),
    );
  });

  it.each(["", "{", "[1,]", "{'a':1}", "NaN", "1 2"])("is null for %j", (text) => expect(readJson(text)).toBeNull());
});

describe("valueText and pathOf", () => {
  const text = String.raw`{"a":{"b-c":[1.10,{"d":"e\"\u0041"}],"":0,"é":null,"__proto__":[]}}`;
  it("copy each value, and a path to it", () => {
    const copied = [...nodesOf(top(text))].map((node) => [pathOf(node), valueText(text, node)]);
    expect(copied).toEqual([
      ["$", text],
      ["$.a", text.slice(5, -1)],
      ['$.a["b-c"]', String.raw`[1.10,{"d":"e\"\u0041"}]`],
      ['$.a["b-c"][0]', "1.10"],
      ['$.a["b-c"][1]', String.raw`{"d":"e\"\u0041"}`],
      ['$.a["b-c"][1].d', 'e"A'],
      ['$.a[""]', "0"],
      ["$.a.é", "null"],
      ["$.a.__proto__", "[]"],
    ]);
  });

  it("a path names one value of JSON without repeated members", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const paths = [...nodesOf(top(text))].map(pathOf);
        expect(new Set(paths).size).toBe(paths.length);
      }),
    );
  });
});

describe("nodeWith", () => {
  it("finds the value around a place, or the one whose name is there", () => {
    const text = '{"first":[1,"two"],"last":{"x":3}}';
    const at = (part: string) => pathOf(nodeWith(top(text), text.indexOf(part)));
    expect(["irst", "wo", "3}", '"x"', '"last"', "{"].map(at)).toEqual([
      "$.first",
      "$.first[1]",
      "$.last.x",
      "$.last.x",
      "$.last",
      "$",
    ]);
  });
});
