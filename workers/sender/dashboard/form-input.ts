import { readForm } from "../../../shared/http/body.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { parseExact } from "../model/event.ts";

/** Turns what the dashboard's forms post into what the API takes. The API's own checks judge it from there. */

/** Room for 256 KiB of data, of which a form may spend three bytes on each, and for the other fields. */
const MAX_FORM_BYTES = 800 * 1024;

/** Reads a form. @throws Problem `unsupported_media_type`, `body_too_large`, `bad_request` */
export function readDashboardForm(request: Request): Promise<URLSearchParams> {
  return readForm(request, MAX_FORM_BYTES);
}

/** Returns the body for `POST /endpoints`, without the fields left empty. */
export function endpointFrom(form: URLSearchParams): Record<string, unknown> {
  const filled = (name: string) => form.get(name)?.trim() ?? "";
  const types = filled("types")
    .split(/[\s,]+/)
    .filter((type) => type !== "");
  const headers = headersFrom(filled("headers"));
  return {
    url: filled("url"),
    types: types.length === 0 ? null : types,
    ordered: form.has("ordered"),
    signing: filled("signing") === "both" ? ["v1", "v1a"] : filled("signing") || "v1",
    ...(filled("description") === "" ? {} : { description: filled("description") }),
    ...(filled("perSecond") === "" ? {} : { rateLimit: { perSecond: Number(filled("perSecond")) } }),
    ...(filled("startFrom") === "" ? {} : { startFrom: filled("startFrom") }),
    ...(headers === null ? {} : { headers }),
  };
}

/** Returns the body for `POST /events`. @throws Problem `invalid_json` */
export function eventFrom(form: URLSearchParams): Record<string, unknown> {
  const id = form.get("id")?.trim() ?? "";
  try {
    const data = parseExact(form.get("data") ?? "");
    return { type: form.get("type")?.trim() ?? "", data, ...(id === "" ? {} : { id }) };
  } catch (error) {
    throw new Problem("invalid_json", `data: ${error instanceof SyntaxError ? error.message : "nested too deeply"}`);
  }
}

/** Reads lines of the form `name: value`. @throws Problem `invalid_endpoint` */
function headersFrom(text: string): Record<string, string> | null {
  if (text === "") return null;
  const pairs = text.split(/\r?\n/).map((line): [string, string] => {
    const [, name, value] = /^([^:]+):(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new Problem("invalid_endpoint", `headers: ${JSON.stringify(line)} is not a line of the form name: value.`);
    }
    return [name.trim(), value.trim()];
  });
  return Object.fromEntries(pairs);
}
