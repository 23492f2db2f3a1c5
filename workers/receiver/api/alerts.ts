import { presentTest, type TestedAlert } from "../../../shared/alerts/test.ts";
import { readMembers } from "../../../shared/http/body.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import type { LogAlerts } from "../inbox/alert-watch.ts";
import { createApp, inboxOf, logsOf, readLog } from "../log/logs.ts";
import { DEFAULT_LOG } from "../verify/source.ts";

/** Routes of `/alerts`: the conditions that hold in each log, and a test of the way to the person on call. */

export const alertRoutes = createApp()
  .get("/", takes(), async (c) => {
    const config = configOf(c.env);
    const { url, format, rules } = config.alerts;
    const found = await Promise.all(
      logsOf(config).map(async (log) => ({
        log,
        ...(await readLog<LogAlerts>(c.env, log, ({ inbox }) => inbox.alerts())),
      })),
    );
    const conditions = found.flatMap(({ log, conditions: open }) => open.map((condition) => ({ log, ...condition })));
    const [last] = found.flatMap((each) => each.last ?? []).sort((a, b) => b.at - a.at);
    const lastSent = last === undefined ? null : { ...last, at: new Date(last.at).toISOString() };
    return c.json({ enabled: url !== null, format, rules, conditions, lastSent });
  })
  .post("/test", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    const tested = presentTest((await inboxOf(c.env, DEFAULT_LOG).testAlert()) as TestedAlert);
    return c.json(tested, tested.taken ? 200 : 502);
  });
