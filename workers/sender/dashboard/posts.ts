import { type Context, Hono } from "hono";
import { wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem, problems } from "../../../shared/http/problem.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import { configOf } from "../config.ts";
import { parseEndpointInput } from "../model/endpoint-input.ts";
import { parseEvents } from "../model/event.ts";
import {
  createEndpoint,
  deleteEndpoint,
  knownEndpoint,
  recoverEndpoint,
  rotateEndpoint,
  testEndpoint,
  updateEndpoint,
} from "../operations/endpoints.ts";
import { type Env, endpointOf } from "../operations/env.ts";
import { knownEvent, redeliver } from "../operations/events.ts";
import { publishTo, withDigests } from "../operations/publish.ts";
import { endpointFrom, eventFrom, readForm } from "./form-input.ts";
import type { Typed } from "./forms.tsx";
import { endpointPath } from "./frame.tsx";
import type { ListAnswer } from "./list.tsx";

/** What the forms post. Each does what the API does, then redirects with 303, so that a reload repeats nothing. */

type C = Context<{ Bindings: Env }>;
type ListPage = (c: C, answer: ListAnswer) => Promise<Response>;

const MAX_HOURS = 365 * 24;
const MAX_OVERLAP_SECONDS = 7 * 86_400;

/** Adding an endpoint and publishing an event: what is refused comes back with what was typed. */
export function formPosts(listPage: ListPage) {
  const refused = (c: C, error: unknown, typed: Typed) => {
    if (!(error instanceof Problem)) throw error;
    const [status] = problems[error.code];
    return listPage(c, { message: { text: error.message, failed: true }, typed, status });
  };
  return new Hono<{ Bindings: Env }>()
    .post("/endpoints", async (c) => {
      const values = await readForm(c.req.raw);
      try {
        const { row } = await createEndpoint(c.env, endpointInput(c.env, values));
        return c.redirect(`${endpointPath(row.id)}/secret?done=created`, 303);
      } catch (error) {
        return refused(c, error, { form: "endpoint", values });
      }
    })
    .post("/events", async (c) => {
      const values = await readForm(c.req.raw);
      try {
        const horizonMs = configOf(c.env).retentionMs;
        const parsed = parseEvents(eventFrom(values), { now: Date.now(), horizonMs });
        if (!parsed.ok) throw new Problem("invalid_event", parsed.reason);
        await publishTo(c.env, { events: await withDigests(parsed.events), request: null });
        return c.redirect("/?done=published", 303);
      } catch (error) {
        return refused(c, error, { form: "event", values });
      }
    });
}

/** The buttons of one endpoint. */
export const endpointPosts = new Hono<{ Bindings: Env }>()
  .post("/test", async (c) => {
    const { outcome } = await testEndpoint(c.env, idOf(c));
    return done(c, outcome?.state === "delivered" ? "tested" : "waiting");
  })
  .post("/enable", async (c) => {
    await updateEndpoint(c.env, idOf(c), { enabled: true });
    return done(c, "enabled");
  })
  .post("/disable", async (c) => {
    await updateEndpoint(c.env, idOf(c), { enabled: false });
    return done(c, "disabled");
  })
  .post("/recover", async (c) => {
    const hours = number(await readForm(c.req.raw), "hours", { min: 1, max: MAX_HOURS });
    const since = new Date(Date.now() - hours * HOUR_MS).toISOString();
    return done(c, `recovered&count=${await recoverEndpoint(c.env, idOf(c), since)}`);
  })
  .post("/rotate", async (c) => {
    const seconds = number(await readForm(c.req.raw), "expiresInSeconds", { min: 0, max: MAX_OVERLAP_SECONDS });
    const { row } = await rotateEndpoint(c.env, idOf(c), seconds);
    return c.redirect(`${endpointPath(row.id)}/secret?done=rotated`, 303);
  })
  .post("/delete", async (c) => {
    if ((await readForm(c.req.raw)).get("confirm") !== "yes") {
      throw new Problem("bad_request", "Say that it is meant: check the box beside Delete.");
    }
    return c.redirect(`/?done=${(await deleteEndpoint(c.env, idOf(c))) ? "deleted" : "deleting"}`, 303);
  });

/** The button of one delivery. */
export const deliveryPosts = new Hono<{ Bindings: Env }>().post("/redeliver", async (c) => {
  const { row } = await knownEndpoint(c.env, idOf(c));
  const seq = wholeNumber("seq", c.req.param("seq"), { min: 1, max: 1e15 }) ?? 0;
  const delivery = await endpointOf(c.env, row.id).delivery(seq);
  if (delivery === null) throw new Problem("not_found", `${row.id} has no delivery ${seq}.`);
  await redeliver(c.env, await knownEvent(c.env, delivery.id), row.id);
  return c.redirect(`${endpointPath(row.id)}/deliveries/${seq}?done=redelivered`, 303);
});

function endpointInput(env: Env, form: URLSearchParams) {
  const parsed = parseEndpointInput(endpointFrom(form), { localDev: configOf(env).localDev, creating: true });
  if (!parsed.ok) throw new Problem("invalid_endpoint", parsed.reason);
  return parsed.input;
}

function idOf(c: Context): string {
  return c.req.param("id") ?? "";
}

function done(c: C, name: string): Response {
  return c.redirect(`${endpointPath(idOf(c))}?done=${name}`, 303);
}

/** @throws Problem `invalid_parameter` */
function number(form: URLSearchParams, name: string, range: { min: number; max: number }): number {
  return wholeNumber(name, form.get(name) ?? "", range) ?? range.min;
}
