import { Hono } from "hono";
import { readJson } from "../../../shared/http/body.ts";
import { checkParameters } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import { forwardEvent } from "../forward/send.ts";
import type { Env } from "../log/env.ts";
import { recordOf } from "../log/read.ts";
import { DEFAULT_LOG } from "../verify/source.ts";

const MAX_INPUT_BYTES = 16_384;

export const forward = new Hono<{ Bindings: Env }>();

forward.post("/:seq{[1-9][0-9]{0,14}}/forward", async (c) => {
  checkParameters(new URL(c.req.url).searchParams, ["log"]);
  const input = async () => (await readJson(c.req.raw, MAX_INPUT_BYTES)).value;
  const log = c.req.query("log") ?? DEFAULT_LOG;
  return c.json(await forwardEvent({ log, input, record: () => recordOf(c) }, configOf(c.env)));
});
