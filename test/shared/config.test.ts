import { describe, expect, it } from "vitest";
import { ConfigReader } from "../../shared/config.ts";

describe("ConfigReader", () => {
  it("reads what is there", () => {
    const reader = new ConfigReader({ NAME: "x", COUNT: "10", PART: "0.5", ON: "true", OFF: "" });
    expect(reader.required("NAME")).toBe("x");
    expect([reader.number("COUNT", 1, { min: 0, max: 10 }), reader.number("PART", 1, { min: 0, max: 1 })]).toEqual([
      10, 0.5,
    ]);
    expect([reader.number("ABSENT", 7, { min: 0, max: 1 }), reader.text("ABSENT")]).toEqual([7, ""]);
    expect([reader.flag("ON"), reader.flag("OFF"), reader.flag("ABSENT")]).toEqual([true, false, false]);
    expect(() => reader.check()).not.toThrow();
  });

  it.each([
    ["", "API_TOKEN is missing"],
    ["x".repeat(23), "API_TOKEN is not 24 to 1000 visible ASCII characters"],
    ["x".repeat(1001), "API_TOKEN is not 24 to 1000 visible ASCII characters"],
    [`${"x".repeat(24)} `, "API_TOKEN is not 24 to 1000 visible ASCII characters"],
    [`${"x".repeat(24)}é`, "API_TOKEN is not 24 to 1000 visible ASCII characters"],
  ])("takes no token %j", (token, fault) => {
    const reader = new ConfigReader({ API_TOKEN: token });
    reader.token("API_TOKEN");
    expect(() => reader.check()).toThrow(fault);
  });

  it("takes a token of 24 characters", () => {
    const reader = new ConfigReader({ API_TOKEN: "-".repeat(24) });
    expect(reader.token("API_TOKEN")).toHaveLength(24);
    expect(() => reader.check()).not.toThrow();
  });

  it("names everything that is wrong at once, and no value", () => {
    const reader = new ConfigReader({ A: "", B: "1e3", C: "11", D: "-1", E: "TRUE", F: { hunter2: 1 } });
    reader.required("A");
    for (const name of ["B", "C", "D"]) reader.number(name, 1, { min: 0, max: 10 });
    reader.flag("E");
    reader.text("F");
    expect(() => reader.check()).toThrow(/^A .*; B .*; C .*; D .*; E .*; F /);
    expect(() => reader.check()).not.toThrow(/hunter2|1e3|11/);
  });
});
