import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestLine, targetText, UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";

describe("requestLine", () => {
  const cases: [url: string, path: string, query: string | null][] = [
    ["http://localhost:8080/webhook", "/webhook", null],
    ["https://hooks.example.com/webhook/a?x=1", "/webhook/a", "x=1"],
    ["https://hooks.example.com/webhook/twilio?name=O'Brien", "/webhook/twilio", "name=O'Brien"],
    ["https://hooks.example.com/webhook/a?", "/webhook/a", ""],
    ["https://hooks.example.com/webhook/a/?b?c", "/webhook/a/", "b?c"],
    ["https://hooks.example.com//webhook//%6fpen?a=%zz&b=%2F", "//webhook//%6fpen", "a=%zz&b=%2F"],
    ["https://hooks.example.com?x", "", "x"],
    ["https://user@hooks.example.com/a?u=http://b/c", "/a", "u=http://b/c"],
    ["https://hooks.example.com/a?token=x&b=2#c", "/a", "token=(masked)&b=2#c"],
  ];
  it.each(cases)("cuts %j into %j and %j", (url, path, query) => {
    expect(requestLine({ method: "POST", url })).toEqual({ method: "POST", path, query });
  });

  it("keeps a path and a query without secrets as they were sent", () => {
    const part = fc.string({ unit: "binary" }).filter((text) => !/[a-z%?]/i.test(text));
    fc.assert(
      fc.property(part, fc.option(part), (rest, query) => {
        const target = `/${rest}${query === null ? "" : `?${query}`}`;
        const line = requestLine({ method: "POST", url: `https://hooks.example.com${target}` });
        expect(line).toEqual({ method: "POST", path: `/${rest}`, query });
        expect(targetText(line)).toBe(target);
      }),
    );
  });
});

describe("targetText", () => {
  it("is empty where nothing is known", () => {
    expect(targetText(UNKNOWN_LINE)).toBe("");
  });
});
