import { Hono } from "hono";
import { checkParameters, cursorOf } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import type { Env } from "../log/env.ts";
import { type ExportQuery, exportLog, formats } from "../log/export.ts";
import { readerOf } from "../log/logs.ts";
import { readAgain } from "../log/read-again.ts";

const PARAMETERS = ["log", "format", "after", "paged", ...FILTER_PARAMETERS];

export const exporting = new Hono<{ Bindings: Env }>();

exporting.get("/", async (c) => {
  const url = new URL(c.req.url);
  const query = exportQuery(url.searchParams, configOf(c.env).scanBytes);
  const { stream, next } = await readAgain(() => exportLog(readerOf(c), query));
  const file = `events-${url.searchParams.get("log") ?? "main"}.${url.searchParams.get("format") ?? "ndjson"}`;
  if (next !== null) {
    url.searchParams.set("after", String(next));
    c.header("link", `<${url.pathname}${url.search}>; rel="next"`);
    c.header("next-after", String(next));
  }
  return c.body(stream, 200, {
    "content-type": query.format.contentType,
    "content-disposition": `attachment; filename="${file}"`,
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
  });
});

/** @throws Problem `invalid_parameter` or `invalid_cursor` */
export function exportQuery(parameters: URLSearchParams, scanBytes: number): ExportQuery {
  checkParameters(parameters, PARAMETERS);
  const name = parameters.get("format") ?? "ndjson";
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) {
    throw new Problem("invalid_parameter", `\`format\` is one of ${Object.keys(formats).join(", ")}.`);
  }
  const paged = parameters.get("paged") ?? "false";
  if (paged !== "true" && paged !== "false") throw new Problem("invalid_parameter", "`paged` is true or false.");
  const after = cursorOf(parameters.get("after"));
  return { format, after, paged: paged === "true", filter: readFilter(parameters), scanBytes };
}
