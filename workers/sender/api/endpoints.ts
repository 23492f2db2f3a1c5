import { readJson } from "../../../shared/http/body.ts";
import { cursorOf, limitOf, takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { type EndpointInput, parseEndpointInput } from "../model/endpoint-input.ts";
import {
  createEndpoint,
  deleteEndpoint,
  knownEndpoint,
  listEndpoints,
  recoverEndpoint,
  rotateEndpoint,
  testEndpoint,
  updateEndpoint,
} from "../operations/endpoints.ts";
import { createApp, type Env, endpointOf, type SenderContext } from "../operations/env.ts";
import { presentDelivery, presentEndpoint, stateOf } from "../operations/json.ts";
import { presentSecrets } from "../operations/secrets.ts";
import type { EndpointView } from "../protocol.ts";

/** The routes of endpoints: their configuration, secrets, tests and deliveries. */

const MAX_LISTED = 200;
const MAX_INPUT_BYTES = 64 * 1024;

export const endpoints = createApp()
  .get("/endpoints", takes("after", "limit"), async (c) => {
    const { views, next } = await listEndpoints(c.env, {
      after: c.req.query("after") ?? "",
      limit: limitOf(c.req.query("limit"), MAX_LISTED),
    });
    return c.json({ endpoints: await Promise.all(views.map((view) => describe(c.env, view))), next });
  })
  .post("/endpoints", takes(), async (c) => {
    const { row } = await createEndpoint(c.env, await readInput(c, true));
    return c.json({ ...(await present(c, row.id)), ...presentSecrets(row.config, Date.now()) }, 201);
  })
  .get("/endpoints/:id", takes(), async (c) => c.json(await present(c, c.req.param("id"))))
  .patch("/endpoints/:id", takes(), async (c) => {
    const { row, confirmed } = await updateEndpoint(c.env, c.req.param("id"), await readInput(c, false));
    return c.json(await present(c, row.id), confirmed ? 200 : 202);
  })
  .delete("/endpoints/:id", takes(), async (c) => {
    return c.body(null, (await deleteEndpoint(c.env, c.req.param("id"))) ? 204 : 202);
  })
  .get("/endpoints/:id/secret", takes(), async (c) => {
    return c.json(presentSecrets((await knownEndpoint(c.env, c.req.param("id"))).row.config, Date.now()));
  })
  .post("/endpoints/:id/rotate", takes(), async (c) => {
    const { row, confirmed } = await rotateEndpoint(c.env, c.req.param("id"), await expirySeconds(c));
    return c.json(presentSecrets(row.config, Date.now()), confirmed ? 200 : 202);
  })
  .post("/endpoints/:id/test", takes(), async (c) => {
    const tested = await testEndpoint(c.env, c.req.param("id"));
    return c.json(tested, tested.outcome?.state === "delivered" ? 200 : 202);
  })
  .post("/endpoints/:id/recover", takes(), async (c) => {
    const { value } = await readJson(c.req.raw, MAX_INPUT_BYTES);
    const since = String((value as { since?: unknown } | null)?.since ?? "");
    return c.json({ recovered: await recoverEndpoint(c.env, c.req.param("id"), since) }, 202);
  })
  .get("/endpoints/:id/deliveries", takes("before", "limit", "state"), async (c) => {
    const id = c.req.param("id");
    await knownEndpoint(c.env, id);
    const limit = limitOf(c.req.query("limit"), MAX_LISTED);
    const before = cursorOf("before", c.req.query("before"));
    const found = await endpointOf(c.env, id).deliveries({ before, limit, state: stateOf(c.req.query("state")) });
    const next = found.length < limit ? null : (found.at(-1)?.seq ?? null);
    return c.json({ deliveries: found.map(presentDelivery), next });
  });

async function present(c: SenderContext, id: string) {
  return describe(c.env, await knownEndpoint(c.env, id));
}

async function describe(env: Env, view: EndpointView) {
  // One object that does not answer must not hide the others.
  const status = await endpointOf(env, view.row.id)
    .status()
    .catch(() => null);
  return presentEndpoint(view, status);
}

async function readInput(c: SenderContext, creating: boolean): Promise<EndpointInput> {
  const { value } = await readJson(c.req.raw, MAX_INPUT_BYTES);
  const parsed = parseEndpointInput(value, { localDev: configOf(c.env).localDev, creating });
  if (!parsed.ok) throw new Problem("invalid_endpoint", parsed.reason);
  return parsed.input;
}

/** Reads how long old secrets go on signing; undefined when the rotation has no body. */
async function expirySeconds(c: SenderContext): Promise<unknown> {
  if (c.req.raw.body === null || c.req.header("content-length") === "0") return undefined;
  const { value } = await readJson(c.req.raw, MAX_INPUT_BYTES);
  return (value as { expiresInSeconds?: unknown } | null)?.expiresInSeconds;
}
