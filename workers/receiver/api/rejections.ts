import { Hono } from "hono";
import { checkParameters } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import type { Env } from "../log/env.ts";
import { inboxOf, logMeant } from "../log/logs.ts";
import { readAgain } from "../log/read-again.ts";

export const rejections = new Hono<{ Bindings: Env }>();

/** The newest refused requests, the last 100 of each source, and how many there were in all; `log`: the source's. */
rejections.get("/", async (c) => {
  const parameters = new URL(c.req.url).searchParams;
  checkParameters(parameters, ["source", "log"]);
  const source = parameters.get("source");
  const log = logMeant(configOf(c.env), { log: parameters.get("log"), source });
  const { kept, counts } = await readAgain(() => inboxOf(c.env, log).rejections(source));
  return c.json({ rejections: kept.map(present), counts });
});

function present<Row extends { at: number }>({ at, ...rejection }: Row) {
  return { at: new Date(at).toISOString(), ...rejection };
}
