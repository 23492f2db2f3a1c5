import { type Context, Hono } from "hono";
import { methodNotAllowed, readJson } from "../../../shared/http.ts";
import { Problem } from "../../../shared/problem.ts";
import type { Changed, StartFrom } from "../endpoint-admin.ts";
import { type EndpointInput, parseEndpointInput, type Signing } from "../endpoint-input.ts";
import type { DeliveryState } from "../endpoint-store.ts";
import { configOf, type Env } from "../env.ts";
import { looksOwn, randomId } from "../event-id.ts";
import type { EndpointView } from "../outbox.ts";
import { DEFAULT_ENDPOINT, type EndpointConfig } from "../registry.ts";
import { endpointOf, outboxOf } from "./outbox.ts";
import { presentDelivery, presentEndpoint } from "./present.ts";
import { cursor, isoTime, wholeNumber } from "./query.ts";
import { generateKey, initialKeys, presentSecrets, versionOf } from "./secrets.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_BYTES = 64 * 1024;
const DAY_SECONDS = 86_400;
const STATES = new Set<string>(["delivered", "due", "dead", "expired"] satisfies DeliveryState[]);

type C = Context<{ Bindings: Env }>;

/** The endpoints: their rows, secrets, tests and deliveries. */
export const endpoints = new Hono<{ Bindings: Env }>()
  .get("/endpoints", async (c) => {
    const limit = wholeNumber("limit", c.req.query("limit"), { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT;
    const after = c.req.query("after") ?? "";
    const views = (await outboxOf(c.env).endpoints()).filter(({ row }) => row.id > after);
    const shown = await Promise.all(views.slice(0, limit).map((view) => describe(c.env, view)));
    return c.json({ endpoints: shown, next: views.length > limit ? (shown.at(-1)?.id ?? null) : null });
  })
  .post("/endpoints", async (c) => {
    const input = await readInput(c, true);
    const config = await newConfig(input);
    const id = randomId("ep_", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
    const changed = await outboxOf(c.env).create(id, config, startOf(input.startFrom ?? "now"));
    if (changed === "unknown_event")
      throw new Problem("invalid_endpoint", "startFrom names an event that is not in the log.");
    return c.json({ ...(await present(c, changed.row.id)), ...presentSecrets(config, Date.now()) }, 201);
  })
  .all("/endpoints", methodNotAllowed("GET", "POST"))
  .get("/endpoints/:id", async (c) => c.json(await present(c, c.req.param("id"))))
  .patch("/endpoints/:id", async (c) => {
    const id = c.req.param("id");
    const { secret: _secret, startFrom: _startFrom, ...change } = await readInput(c, false);
    if (change.url !== undefined) refuseDefault(id, "url");
    const { row } = await known(c, id);
    const missing = (change.signing ?? []).filter(
      (version) => !row.config.secrets.some(({ key }) => versionOf(key) === version),
    );
    const made = await Promise.all(missing.map(generateKey));
    const secrets = [...row.config.secrets, ...made.map((key) => ({ key, expiresAt: null }))];
    const changed = await outboxOf(c.env).update(id, { ...change, ...(made.length > 0 ? { secrets } : {}) });
    return answerChange(c, id, changed);
  })
  .delete("/endpoints/:id", async (c) => {
    const id = c.req.param("id");
    refuseDefault(id, "endpoint");
    const deleted = await outboxOf(c.env).delete(id);
    if (deleted === null) throw unknown(id);
    return c.body(null, deleted ? 204 : 202);
  })
  .all("/endpoints/:id", methodNotAllowed("GET", "PATCH", "DELETE"))
  .get("/endpoints/:id/secret", async (c) => {
    c.header("cache-control", "no-store");
    return c.json(presentSecrets((await known(c, c.req.param("id"))).row.config, Date.now()));
  })
  .all("/endpoints/:id/secret", methodNotAllowed("GET"))
  .post("/endpoints/:id/rotate", async (c) => {
    const id = c.req.param("id");
    refuseDefault(id, "secret");
    const { row } = await known(c, id);
    const keys = await Promise.all(row.config.signing.map(generateKey));
    const expiresAt = Date.now() + (await expirySeconds(c)) * 1000;
    const changed = await outboxOf(c.env).rotate(id, keys, expiresAt);
    if (changed === null) throw unknown(id);
    c.header("cache-control", "no-store");
    return c.json(presentSecrets(changed.row.config, Date.now()), changed.confirmed ? 200 : 202);
  })
  .all("/endpoints/:id/rotate", methodNotAllowed("POST"))
  .post("/endpoints/:id/test", async (c) => {
    const id = c.req.param("id");
    const { row } = await known(c, id);
    if (!row.config.enabled)
      throw new Problem("endpoint_disabled", `Enable ${id} first: ${row.config.disabledReason}.`);
    const event = await outboxOf(c.env).publishTest(id);
    const outcome = event.seq === null ? null : await endpointOf(c.env, id).firstOutcome(event.seq);
    return c.json({ ...event, outcome }, outcome?.state === "delivered" ? 200 : 202);
  })
  .all("/endpoints/:id/test", methodNotAllowed("POST"))
  .post("/endpoints/:id/recover", async (c) => {
    const id = c.req.param("id");
    await known(c, id);
    const { value } = await readJson(c.req.raw, MAX_BYTES);
    const since = isoTime(String((value as { since?: unknown } | null)?.since ?? ""));
    if (since === null) throw new Problem("invalid_endpoint", "since must be an ISO 8601 time with its zone.");
    return c.json({ recovered: await endpointOf(c.env, id).recover(since) }, 202);
  })
  .all("/endpoints/:id/recover", methodNotAllowed("POST"))
  .get("/endpoints/:id/deliveries", async (c) => {
    const id = c.req.param("id");
    await known(c, id);
    const limit = wholeNumber("limit", c.req.query("limit"), { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT;
    const before = cursor("before", c.req.query("before"));
    const found = await endpointOf(c.env, id).deliveries({ before, limit, state: stateOf(c.req.query("state")) });
    const next = found.length < limit ? null : (found.at(-1)?.seq ?? null);
    return c.json({ deliveries: found.map(presentDelivery), next });
  })
  .all("/endpoints/:id/deliveries", methodNotAllowed("GET"));

/** @throws Problem `not_found` */
async function known(c: C, id: string): Promise<EndpointView> {
  const view = await outboxOf(c.env).endpoint(id);
  if (view === null || view.row.state !== "live") throw unknown(id);
  return view;
}

async function present(c: C, id: string) {
  return describe(c.env, await known(c, id));
}

async function describe(env: Env, view: EndpointView) {
  // One object that does not answer must not hide the others.
  const status = await endpointOf(env, view.row.id)
    .status()
    .catch(() => null);
  return presentEndpoint(view, status);
}

async function answerChange(c: C, id: string, changed: Changed | null) {
  if (changed === null) throw unknown(id);
  return c.json(await present(c, id), changed.confirmed ? 200 : 202);
}

async function readInput(c: C, creating: boolean): Promise<EndpointInput> {
  const { value } = await readJson(c.req.raw, MAX_BYTES);
  const parsed = parseEndpointInput(value, { localDev: configOf(c.env).localDev, creating });
  if (!parsed.ok) throw new Problem("invalid_endpoint", parsed.reason);
  return parsed.input;
}

/** A new endpoint's configuration: what was given, and a secret for each version it signs with. */
async function newConfig(input: EndpointInput): Promise<EndpointConfig> {
  const signing: Signing = input.signing ?? [input.secret === undefined ? "v1" : versionOf(input.secret)];
  const keys = await initialKeys(signing, input.secret);
  return {
    ...{ url: input.url ?? "", enabled: input.enabled ?? true, types: input.types ?? null },
    ...{ description: input.description ?? "", headers: input.headers ?? {}, ordered: input.ordered ?? false },
    disabledReason: input.enabled === false ? "disabled by the API" : null,
    rateLimit: input.rateLimit ?? null,
    signing,
    secrets: keys.map((key) => ({ key, expiresAt: null })),
    createdAt: Date.now(),
  };
}

async function expirySeconds(c: C): Promise<number> {
  if (c.req.raw.body === null || c.req.header("content-length") === "0") return DAY_SECONDS;
  const { value } = await readJson(c.req.raw, MAX_BYTES);
  const seconds = (value as { expiresInSeconds?: unknown } | null)?.expiresInSeconds ?? DAY_SECONDS;
  if (Number.isInteger(seconds) && Number(seconds) >= 0 && Number(seconds) <= 7 * DAY_SECONDS) return Number(seconds);
  throw new Problem("invalid_endpoint", `expiresInSeconds is a whole number from 0 to ${7 * DAY_SECONDS}.`);
}

function startOf(text: string): StartFrom {
  if (text === "now") return { at: "now" };
  const time = isoTime(text);
  return time !== null && !looksOwn(text) ? { at: "time", time } : { at: "event", id: text };
}

/** What a variable defines, the API may not change: the next deployment would change it back. */
function refuseDefault(id: string, what: "url" | "endpoint" | "secret"): void {
  if (id !== DEFAULT_ENDPOINT) return;
  const variable = what === "secret" ? "WEBHOOK_SECRET" : "WEBHOOK_URL";
  throw new Problem("defined_by_variable", `${id} is defined by ${variable}; change that variable instead.`);
}

function stateOf(text: string | undefined): DeliveryState | null {
  if (text === undefined) return null;
  if (STATES.has(text)) return text as DeliveryState;
  throw new Problem("invalid_parameter", `state is one of ${[...STATES].join(", ")}, not ${JSON.stringify(text)}.`);
}

function unknown(id: string): Problem {
  return new Problem("not_found", `There is no endpoint ${id}.`);
}
