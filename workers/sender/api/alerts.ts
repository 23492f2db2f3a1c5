import { readMembers } from "../../../shared/http/body.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { alertsOf, testAlert } from "../operations/alerts.ts";
import { createApp } from "../operations/env.ts";

/** The routes of alerts: the conditions that hold, and a test of the way to the person on call. */

export const alerts = createApp()
  .get("/alerts", takes(), async (c) => c.json(await alertsOf(c.env)))
  .post("/alerts/test", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    const sent = await testAlert(c.env);
    return c.json(sent, sent.taken ? 200 : 502);
  });
