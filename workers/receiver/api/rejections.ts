import { takes } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import { createApp, logOf, readLog } from "../log/logs.ts";

/** Route of `/rejections`: why webhooks were not accepted. */

/** The newest rejected requests, the last 100 of each source, and how many there were in all. A source's are in its log. */
export const rejectionRoutes = createApp().get("/", takes("source", "log"), async (c) => {
  const source = c.req.query("source") ?? null;
  const log = logOf(configOf(c.env), c.req.query("log") ?? null, source);
  const { kept, counts } = await readLog(c.env, log, ({ inbox }) => inbox.rejections(source));
  return c.json({ rejections: kept.map(withIsoTime), counts });
});

function withIsoTime<Row extends { at: number }>({ at, ...rejection }: Row) {
  return { at: new Date(at).toISOString(), ...rejection };
}
