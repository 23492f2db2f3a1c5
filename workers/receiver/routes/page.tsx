import { Hono } from "hono";
import { html } from "hono/html";
import { methodNotAllowed } from "../../../shared/http.ts";
import type { Env } from "../env.ts";

export const page = new Hono<{ Bindings: Env }>();

page.get("/", (c) => {
  c.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  c.header("x-content-type-options", "nosniff");
  return c.html(html`<!doctype html>${<Page origin={new URL(c.req.url).origin} />}`);
});
page.all("/", methodNotAllowed("GET"));

const STYLE = "body { font: 16px/1.5 system-ui; max-width: 60rem; margin: 2rem auto } pre { overflow-x: auto }";

const Page = ({ origin }: { origin: string }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>Webhook receiver</title>
      <style>{STYLE}</style>
    </head>
    <body>
      <h1>Webhook receiver</h1>
      <p>
        Senders POST to <code>{origin}/webhook</code>, signed as Standard Webhooks with <code>WEBHOOK_SECRET</code>.
        What is genuine is logged once and can be read here; away from this machine, add{" "}
        <code>-H "authorization: Bearer $API_TOKEN"</code>.
      </p>
      {commands(origin).map(([what, command]) => (
        <>
          <p>{what}</p>
          <pre>{command}</pre>
        </>
      ))}
    </body>
  </html>
);

function commands(origin: string): [what: string, command: string][] {
  return [
    ["The newest events; `next` is the cursor of the page before:", `curl '${origin}/events?limit=20'`],
    ["From the first event on; `next` is the cursor to go on with:", `curl '${origin}/events?after=0'`],
    ["One event, with its headers and body:", `curl '${origin}/events/1'`],
    ["The exact bytes of its body:", `curl -o body.bin '${origin}/events/1/body'`],
  ];
}
