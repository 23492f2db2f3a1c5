import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { launch, Visit } from "./browser.ts";
import { MARKUP } from "./hostile.ts";

/** Proof that the other browser tests could fail: a page that lets something forbidden happen is found out. */
const chrome = inject("chrome");
const POLICY = "default-src 'none'";

let browser: Browser;
let visit: Visit;
let server: Server;
let origin: string;

/** Returns a page made from the query of the path, with a policy or without one. */
function answer(path: string): { headers: Record<string, string>; html: string } {
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const policy = pathname === "/careful" ? { "content-security-policy": POLICY } : {};
  return { headers: { "content-type": "text/html", ...policy }, html: searchParams.get("html") ?? "" };
}

describe.skipIf(chrome === null)("Visit.takeFaults", () => {
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { headers, html } = answer(request.url ?? "/");
      response.writeHead(request.url?.startsWith("/none") ? 404 : 200, headers).end(html);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launch(chrome ?? "");
    visit = await Visit.open(browser, origin);
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  test.each([
    ["/", MARKUP[0], "ran: script"],
    ["/", MARKUP[1], "ran: img"],
    ["/", MARKUP[2], "ran: svg"],
    ["/", MARKUP[4], "ran: frame"],
    ["/", "<link rel=stylesheet href=//elsewhere.example/a.css>", "request: http://elsewhere.example/a.css"],
    ["/", "<script>alert('open')</script>", "dialog: open"],
    ["/", "<script>console.warn('careful')</script>", "console: careful"],
    ["/", "<script>null.x</script>", "uncaught: "],
    ["/none", "gone", "404 GET /none"],
    ["/careful", MARKUP[0], "policy: script-src-elem inline"],
    ["/careful", "<p style='color: red'>", "policy: style-src-attr inline"],
  ])("%s with %s tells of %s", async (path, html = "", fault) => {
    const seen: string[] = [];
    await visit.page.goto(`${path}?html=${encodeURIComponent(html)}`);
    await vi.waitFor(() => {
      seen.push(...visit.takeFaults());
      expect(seen.join("\n")).toContain(fault);
    });
  });

  test("tells nothing of a page that does nothing wrong", async () => {
    await visit.page.goto("about:blank");
    visit.takeFaults();
    await visit.page.goto("/careful?html=<p>fine</p>", { waitUntil: "networkidle" });
    expect(visit.takeFaults()).toEqual([]);
  });
});
