import { readForm } from "../../../shared/http/body.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { isDeeper, JSON_DEPTH_LIMIT } from "../../../shared/json-text.ts";

/** Turns what the dashboard's forms post into what the API takes. The API's own checks judge it from there. */

/** Room for 256 KiB of data, of which a form may spend three bytes on each, and for the other fields. */
const MAX_FORM_BYTES = 800 * 1024;

/** Fields of the form that adds an endpoint, and of the one that publishes an event. */
export const ENDPOINT_FIELDS = [
  ...["url", "description", "types", "signing", "ordered", "perSecond", "startFrom", "headers"],
];
export const EVENT_FIELDS = ["type", "data", "id", "timestamp"];

/**
 * Reads a form that has these fields and no other.
 *
 * @throws Problem `invalid_input`, `unsupported_media_type`, `body_too_large`, `bad_request`
 */
export function readDashboardForm(request: Request, ...known: string[]): Promise<URLSearchParams> {
  return readForm(request, { known, maxBytes: MAX_FORM_BYTES });
}

/** The fields of a form that was refused, as they were typed, and the problem with one of its fields; null if it is about none. */
export class TypedFields {
  readonly fault: { field: string; text: string } | null;
  readonly #values: URLSearchParams;

  /** @param message the problem, as the API says it: it begins with the name of a member. @param fields the form's */
  constructor(values: URLSearchParams, message: string, fields: readonly string[]) {
    this.#values = values;
    const [, member = "", colon, rest = ""] = /^(\w+)(:?) (.*)$/s.exec(message) ?? [];
    const field = FIELDS_OF[member]?.find((name) => fields.includes(name)) ?? member;
    const text = PLAIN_FAULTS[field] ?? (colon === ":" ? rest : `This ${rest}`);
    this.fault = fields.includes(field) ? { field, text } : null;
  }

  get(name: string): string | null {
    return this.#values.get(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

/** Fields that have another name than the member that a problem begins with. */
const FIELDS_OF: Record<string, readonly string[]> = { rateLimit: ["perSecond"], types: ["types", "type"] };

/** Problems of fields for people, where the API's words are about JSON. */
const PLAIN_FAULTS: Record<string, string> = {
  type: "Write names with dots between them, such as order.paid. Types beginning with webhook., endpoint. or delivery. are ours.",
  types: "Write types such as order.paid, order.* for all that begin so, or order.*.paid, separated by spaces.",
  perSecond: "Write a whole number from 1 to 1000, or nothing for no limit.",
  startFrom: "Write an event's id, a time such as 2026-01-31T12:00:00Z, or nothing for now.",
  id: "Write up to 256 letters, digits, - and _, or nothing for a new id.",
};

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
    ordered: orderedIn(form),
    signing: filled("signing") === "both" ? ["v1", "v1a"] : filled("signing") || "v1",
    ...(filled("description") === "" ? {} : { description: filled("description") }),
    ...(filled("perSecond") === "" ? {} : { rateLimit: { perSecond: Number(filled("perSecond")) } }),
    ...(filled("startFrom") === "" ? {} : { startFrom: filled("startFrom") }),
    ...(headers === null ? {} : { headers }),
  };
}

/** Reads a box that a browser sends only when it is checked. @throws Problem `invalid_input` */
function orderedIn(form: URLSearchParams): boolean {
  const text = form.get("ordered");
  if (text === null || text === "true") return text !== null;
  throw new Problem("invalid_input", "ordered is true, or left out.");
}

/** Returns the JSON text of the body for `POST /events`; the data stays as it was typed. @throws Problem `invalid_json` */
export function eventTextFrom(form: URLSearchParams): string {
  const data = form.get("data") ?? "";
  const fault = isDeeper(data, JSON_DEPTH_LIMIT) ? `nested deeper than ${JSON_DEPTH_LIMIT}` : jsonFault(data);
  if (fault !== null) throw new Problem("invalid_json", `data: ${fault}`);
  const type = JSON.stringify(form.get("type")?.trim() ?? "");
  const optional = ["id", "timestamp"].map((name) => {
    const text = form.get(name)?.trim() ?? "";
    return text === "" ? "" : `,"${name}":${JSON.stringify(text)}`;
  });
  return `{"type":${type},"data":${data}${optional.join("")}}`;
}

/** Returns what the parser says against a text, or null. */
function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
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
