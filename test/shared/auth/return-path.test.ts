import { describe, expect, it } from "vitest";
import { returnPath, signInAddress } from "../../../shared/auth/return-path.ts";

const PAGES = /^\/(e\/.*|rejected)?$/;

describe("returnPath", () => {
  it.each([
    "/",
    "/e/17",
    "/e/17?q=a%20b&log=x",
    "/rejected?source=a",
    "/?q=//evil.example",
    "/?to=https://evil.example",
  ])("keeps %s", (path) => expect(returnPath(path, PAGES)).toBe(path));

  it("drops the fragment, and resolves dots", () => {
    expect(returnPath("/e/x/../17#top", PAGES)).toBe("/e/17");
  });

  it.each([
    ["nothing", null],
    ["no text", ""],
    ["another origin", "https://evil.example/"],
    ["another scheme", "javascript:alert(1)"],
    ["a scheme behind a slash, which is a path of no page", "/javascript:alert(1)"],
    ["another host", "//evil.example/e/1"],
    ["another host, written for Windows", "/\\evil.example/e/1"],
    ["only backslashes", "\\\\evil.example/e/1"],
    ["a backslash further on", "/e/1\\..\\..\\evil.example"],
    ["three slashes", "///evil.example"],
    ["a tab, which browsers drop", "/\t/evil.example"],
    ["a line break, which browsers drop", "/\n/evil.example"],
    ["another header", "/e/1\r\nset-cookie: a=b"],
    ["a space before it", " //evil.example"],
    ["dots that leave two slashes", "/.//evil.example"],
    ["dots that leave two slashes, encoded", "/%2e//evil.example"],
    ["dots that leave two slashes, by the parent", "/e/..//evil.example"],
    ["a relative path", "e/1"],
    ["a host by its credentials", "/@evil.example"],
    ["what is not ASCII", "/e/\u2215"],
    ["what does something when it is read", "/trigger"],
    ["that, behind dots", "/e/../trigger"],
    ["the form itself", "/session"],
    ["more than a form holds", `/e/1?q=${"a".repeat(1000)}`],
  ])("leads from %s to the first page", (_name, wanted) => expect(returnPath(wanted, PAGES)).toBe("/"));
});

describe("signInAddress", () => {
  const of = (path: string, method = "GET") => signInAddress(new Request(`https://a.example${path}`, { method }));

  it("names the page that was asked for, unless the form leads there anyway", () => {
    expect(of("/e/1?q=a&type=b")).toBe("/session?to=%2Fe%2F1%3Fq%3Da%26type%3Db");
    expect(of("/")).toBe("/session");
  });

  it("does not name the address of a form", () => expect(of("/clear", "POST")).toBe("/session"));
});
