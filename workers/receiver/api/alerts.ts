import { readMembers } from "../../../shared/http/body.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { alertsOf, testAlert } from "../log/alerts.ts";
import { createApp } from "../log/logs.ts";

/** Routes of `/alerts`: the conditions that hold in each log, and a test of the way to the person on call. */

export const alertRoutes = createApp()
  .get("/", takes(), async (c) => c.json(await alertsOf(c.env)))
  .post("/test", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    const tested = await testAlert(c.env);
    return c.json(tested, tested.taken ? 200 : 502);
  });
