import { fromUtf8, utf8 } from "../../../../shared/bytes.ts";
import { fieldOf, jsonBody } from "../../event/json-field.ts";
import { queryOf } from "../../event/masking.ts";
import type { SignedRequest } from "./scheme.ts";

/** Single values of a request: fields of its JSON or form body, and parameters of its query. Nothing here throws. */

/** Fields of a body: those of a JSON document, or of a form. */
export type BodyFields = { json: unknown } | { form: Record<string, string | undefined> };

/** More than any provider sends. */
const MAX_FORM_FIELDS = 1000;

/** Returns the fields of a body; those of an empty form where it is neither JSON nor a form. */
export async function bodyFields({ headers, body }: Pick<SignedRequest, "headers" | "body">): Promise<BodyFields> {
  const json = jsonBody(body);
  if (typeof json === "object" && json !== null) return { json };
  return { form: single(await formPairs(headers.get("content-type") ?? "", body)) };
}

async function formPairs(contentType: string, body: Uint8Array): Promise<[string, string][]> {
  if (/^multipart\/form-data\b/i.test(contentType)) {
    const parsed = await new Response(body as BodyInit, { headers: { "content-type": contentType } })
      .formData()
      .catch(() => null);
    return [...(parsed ?? [])].filter((pair): pair is [string, string] => typeof pair[1] === "string");
  }
  const text = fromUtf8(body);
  if (text === null || text.split("&", MAX_FORM_FIELDS + 1).length > MAX_FORM_FIELDS) return [];
  return [...new URLSearchParams(text)];
}

/** Returns the values by name. A name that is there twice has none: nothing tells which of them was meant. */
function single(pairs: [string, string][]): Record<string, string | undefined> {
  const values: Record<string, string | undefined> = Object.create(null);
  for (const [name, value] of pairs) values[name] = name in values ? undefined : value;
  return values;
}

/**
 * Returns the value at a dotted path. A form's field has its own name (`payload`), or is a JSON text whose members follow
 * (`json.event.event_time`); where both could be meant, there is none.
 */
export function fieldAt(fields: BodyFields, path: string): unknown {
  if ("json" in fields) return fieldOf(fields.json, path);
  const { form } = fields;
  const dot = path.indexOf(".");
  const outer = dot < 0 ? undefined : form[path.slice(0, dot)];
  if (outer === undefined) return form[path];
  return path in form ? undefined : fieldOf(jsonBody(utf8(outer)), path.slice(dot + 1));
}

/** Returns a value as the text that a provider signs or compares; null for a list, an object and nothing. */
export function textOf(value: unknown): string | null {
  if (typeof value === "string") return value.isWellFormed() ? value : null;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/** Returns all values of a query parameter, decoded, in their order. */
export function queryValues(url: string, name: string): string[] {
  const query = queryOf(url);
  return query === "" ? [] : new URLSearchParams(query).getAll(name);
}
