import { describe, expect, it } from "vitest";
import { checkParameters, cursorOf, wholeNumber } from "../../../shared/http/parameters.ts";

const check = (query: string, known: string[]) => () => checkParameters(new URLSearchParams(query), known);

describe("checkParameters", () => {
  it.each(["", "limit=1", "limit=1&after=2"])("takes ?%s", (query) => {
    expect(check(query, ["limit", "after"])).not.toThrow();
  });

  it.each(["colour=red", "limit=1&colour=red", "limit=1&limit=2", "Limit=1", "__proto__=1"])("refuses ?%s", (query) => {
    expect(check(query, ["limit", "after"])).toThrow(expect.objectContaining({ code: "invalid_parameter" }));
  });

  it("names the parameter and those it knows", () => {
    expect(check("colour=red", ["limit", "after"])).toThrow(/`colour` .* limit, after\./);
    expect(check("colour=red", [])).toThrow(/`colour` .* none is known here\./);
  });
});

describe("wholeNumber", () => {
  it.each([
    ["0", 0],
    ["500", 500],
    [null, null],
    [undefined, null],
  ])("reads %j as %j", (text, expected) => {
    expect(wholeNumber("limit", text, { min: 0, max: 500 })).toBe(expected);
  });

  it.each(["", "501", "-1", "1.5", "1e2", "01", " 1", "all"])("refuses %j", (text) => {
    expect(() => wholeNumber("limit", text, { min: 0, max: 500 })).toThrow(
      expect.objectContaining({ code: "invalid_parameter", message: expect.stringContaining("from 0 to 500") }),
    );
  });
});

describe("cursorOf", () => {
  it.each([
    ["0", 0],
    ["999999999999999", 999_999_999_999_999],
    [null, null],
    [undefined, null],
  ])("reads %j as %j", (text, expected) => {
    expect(cursorOf("after", text)).toBe(expected);
  });

  it.each(["", "-1", "01", "1e3", "1 ", "msg_1", "9999999999999999"])("refuses %j", (text) => {
    expect(() => cursorOf("after", text)).toThrow(expect.objectContaining({ code: "invalid_cursor" }));
  });
});
