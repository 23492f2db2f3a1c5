import { Hono } from "hono";
import { methodNotAllowed } from "../../../shared/http.ts";
import { htmlPage, Page } from "../../../shared/page.tsx";
import type { Env } from "../env.ts";

/** `GET /`: what can be done here, as lines to paste. */
export const page = new Hono<{ Bindings: Env }>()
  .get("/", (c) => {
    const { origin } = new URL(c.req.url);
    return htmlPage(
      <Page title="Webhook sender" lines={lines(origin)}>
        Publishes events and delivers each to every endpoint until it arrives. With a token, add{" "}
        <code>-H "authorization: Bearer $API_TOKEN"</code> to each line.
      </Page>,
    );
  })
  .all("/", methodNotAllowed("GET"));

function lines(origin: string): (readonly [string, string])[] {
  return [
    ["Publish one event and see what its receiver answers", `curl ${origin}/trigger`],
    [
      "Publish your own",
      `curl ${origin}/events -H 'content-type: application/json' -d '{"type":"order.paid","data":{"total":42}}'`,
    ],
    ["See the endpoints, and how far behind each is", `curl ${origin}/endpoints`],
    ["See every attempt at one", `curl ${origin}/endpoints/ep_default/deliveries`],
  ];
}
