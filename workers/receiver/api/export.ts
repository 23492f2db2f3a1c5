import { checkParameters, cursorOf } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { FILTER_PARAMETERS, readFilter } from "../event/filter.ts";
import { type ExportQuery, exportLog, formats } from "../log/export.ts";
import { createApp, type ReceiverContext, readLog } from "../log/logs.ts";
import { DEFAULT_LOG } from "../verify/source.ts";

/** Route of `/events/export`: the log, or a filter of it, as a download. */

const EXPORT_PARAMETERS = ["log", "format", "after", "paged", ...FILTER_PARAMETERS];
const DEFAULT_FORMAT = "ndjson";

export const exportRoutes = createApp().get("/", (c) => answerExport(c));

async function answerExport(c: ReceiverContext): Promise<Response> {
  const url = new URL(c.req.url);
  const query = exportQuery(url.searchParams, configOf(c.env).scanBytes);
  const log = url.searchParams.get("log") ?? DEFAULT_LOG;
  const { stream, next } = await readLog(c.env, log, (reader) => exportLog(reader, query));
  if (next !== null) {
    url.searchParams.set("after", String(next));
    c.header("link", `<${url.pathname}${url.search}>; rel="next"`);
    c.header("next-after", String(next));
  }
  return c.body(stream, 200, {
    "content-type": query.format.contentType,
    "content-disposition": `attachment; filename="events-${log}.${url.searchParams.get("format") ?? DEFAULT_FORMAT}"`,
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
  });
}

/** Returns the export that a query string asks for. @throws Problem `invalid_parameter` or `invalid_cursor` */
export function exportQuery(parameters: URLSearchParams, scanBytes: number): ExportQuery {
  checkParameters(parameters, EXPORT_PARAMETERS);
  const name = parameters.get("format") ?? DEFAULT_FORMAT;
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) {
    throw new Problem("invalid_parameter", `\`format\` is one of ${Object.keys(formats).join(", ")}.`);
  }
  const paged = parameters.get("paged") ?? "false";
  if (paged !== "true" && paged !== "false") throw new Problem("invalid_parameter", "`paged` is true or false.");
  const after = cursorOf("after", parameters.get("after"));
  return { format, after, paged: paged === "true", filter: readFilter(parameters), scanBytes };
}
