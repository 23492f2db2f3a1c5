import { readMembers } from "../../../shared/http/body.ts";
import { cursorOf, limitOf, takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { ENDPOINT_MEMBERS, type EndpointInput, parseEndpointInput } from "../model/endpoint-input.ts";
import { exactJson } from "../model/exact-number.ts";
import {
  createEndpoint,
  deleteEndpoint,
  knownEndpoint,
  listEndpoints,
  reportedEndpoint,
  rotateEndpoint,
  testEndpoint,
  updateEndpoint,
} from "../operations/endpoints.ts";
import { createApp, endpointOf, type SenderContext } from "../operations/env.ts";
import { presentDelivery, presentEndpoint, presentReplay, stateOf } from "../operations/json.ts";
import { recoverEndpoint, skipWaiting } from "../operations/recover.ts";
import { cancelReplay, REPLAY_MEMBERS, replayTo } from "../operations/replay.ts";
import { presentSecrets } from "../operations/secrets.ts";
import { TRY_MEMBERS, tryFilter } from "../operations/try-filter.ts";

/** The routes of endpoints: their configuration, secrets, tests and deliveries. */

const MAX_LISTED = 200;

export const endpoints = createApp()
  .get("/endpoints", takes("after", "limit", "order", "q", "state"), async (c) => {
    const { after = "", ...asked } = c.req.query();
    const { reports, counts, next } = await listEndpoints(c.env, { ...asked, after }, limitOf(asked.limit, MAX_LISTED));
    return c.json({ endpoints: reports.map(presentEndpoint), counts, next });
  })
  .post("/endpoints", takes(), async (c) => {
    const { row } = await createEndpoint(c.env, await readEndpoint(c, true));
    return c.json({ ...(await present(c, row.id)), ...presentSecrets(row.config, Date.now()) }, 201);
  })
  .get("/endpoints/:id", takes(), async (c) => c.json(await present(c, c.req.param("id"))))
  .patch("/endpoints/:id", takes(), async (c) => {
    const { row, confirmed } = await updateEndpoint(c.env, c.req.param("id"), await readEndpoint(c, false));
    return c.json(await present(c, row.id), confirmed ? 200 : 202);
  })
  .delete("/endpoints/:id", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    return c.body(null, (await deleteEndpoint(c.env, c.req.param("id"))) ? 204 : 202);
  })
  .get("/endpoints/:id/secret", takes(), async (c) => {
    return c.json(presentSecrets((await knownEndpoint(c.env, c.req.param("id"))).row.config, Date.now()));
  })
  .post("/endpoints/:id/rotate", takes(), async (c) => {
    const { expiresInSeconds } = await readMembers(c.req.raw, ["expiresInSeconds"], "invalid_endpoint");
    const { row, confirmed } = await rotateEndpoint(c.env, c.req.param("id"), expiresInSeconds);
    return c.json(presentSecrets(row.config, Date.now()), confirmed ? 200 : 202);
  })
  .post("/endpoints/:id/filter/try", takes(), async (c) => {
    const asked = await readMembers(c.req.raw, TRY_MEMBERS, "invalid_endpoint", exactJson);
    return c.json(await tryFilter(c.env, c.req.param("id"), asked));
  })
  .post("/endpoints/:id/test", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    const tested = await testEndpoint(c.env, c.req.param("id"));
    return c.json(tested, tested.outcome?.state === "delivered" ? 200 : 202);
  })
  .post("/endpoints/:id/recover", takes(), async (c) => {
    const asked = await readMembers(c.req.raw, ["since", "until", "types", "state"], "invalid_endpoint");
    return c.json({ recovered: await recoverEndpoint(c.env, c.req.param("id"), asked) }, 202);
  })
  .post("/endpoints/:id/replay", takes(), async (c) => {
    const asked = await readMembers(c.req.raw, REPLAY_MEMBERS, "invalid_endpoint");
    return c.json(presentReplay(await replayTo(c.env, c.req.param("id"), asked)), 202);
  })
  .delete("/endpoints/:id/replay", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    return c.json(presentReplay(await cancelReplay(c.env, c.req.param("id"))));
  })
  .post("/endpoints/:id/skip", takes(), async (c) => {
    const asked = await readMembers(c.req.raw, ["since", "until", "types"], "invalid_endpoint");
    return c.json({ skipped: await skipWaiting(c.env, c.req.param("id"), asked) });
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
  return presentEndpoint(await reportedEndpoint(c.env, id));
}

async function readEndpoint(c: SenderContext, creating: boolean): Promise<EndpointInput> {
  const value = await readMembers(c.req.raw, ENDPOINT_MEMBERS, "invalid_endpoint", exactJson);
  const parsed = parseEndpointInput(value, { localDev: configOf(c.env).localDev, creating });
  if (!parsed.ok) throw new Problem("invalid_endpoint", parsed.reason);
  return parsed.input;
}
