import { Hono } from "hono";
import { checkParameters } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import { type App, logOf, readLog } from "../log/logs.ts";

/** Route of `/rejections`: why webhooks were not accepted. */

export const rejectionRoutes = new Hono<App>();

/**
 * Answers the newest rejected requests, the last 100 of each source, and how many there were in all. A source's are in
 * its own log.
 */
rejectionRoutes.get("/", async (c) => {
  const parameters = new URL(c.req.url).searchParams;
  checkParameters(parameters, ["source", "log"]);
  const source = parameters.get("source");
  const log = logOf(configOf(c.env), parameters.get("log"), source);
  const { kept, counts } = await readLog(c.env, log, ({ inbox }) => inbox.rejections(source));
  return c.json({ rejections: kept.map(withIsoTime), counts });
});

function withIsoTime<Row extends { at: number }>({ at, ...rejection }: Row) {
  return { at: new Date(at).toISOString(), ...rejection };
}
