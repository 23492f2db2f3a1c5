import type { Bytes } from "../../../shared/bytes.ts";
import type { DedupGrounds } from "../event/arrival.ts";
import { jsonField } from "../event/json-field.ts";
import { bodyId, idFault } from "./schemes/rules.ts";
import type { SignedRequest, Verdict } from "./schemes/scheme.ts";
import type { IdPlace, Source } from "./source.ts";

/** Finds the id of a verified request: at the place that its source names, else where its scheme has one. */

/** Returns the id and all else that may tell a repetition. */
export function dedupGroundsOf(
  { name, scheme, idPlace }: Source,
  request: SignedRequest & { body: Bytes },
  { id, dated }: Extract<Verdict, { ok: true }>,
): DedupGrounds {
  const grounds = { source: name, dated: dated ?? null, body: request.body };
  const own = idPlace === null ? null : idAt(idPlace, request);
  // The same text as the scheme's id is covered by the same proof.
  if (own === null || own === id) return { ...grounds, id, own: false, signed: scheme.signedId };
  // Every signature covers the body, and no header that the scheme does not know.
  const signed = idPlace?.in === "body" && scheme.verification === "verified";
  return { ...grounds, id: own, own: true, signed };
}

/** Returns the id at a place; null where there is none, or no usable one: its request is logged all the same. */
function idAt(place: IdPlace, { headers, body }: SignedRequest): string | null {
  if (place.in === "body") return bodyId(jsonField(body, place.field));
  const id = headers.get(place.header);
  return idFault(id, { signed: false }) === null ? id : null;
}
