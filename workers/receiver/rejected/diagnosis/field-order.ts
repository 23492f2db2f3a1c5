import { hmacScheme } from "../../verify/schemes/hmac.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { type Trial, type TrialTerms, verifies } from "./trials.ts";

/** Tries other orders of the fields that a row signs: who writes a row by hand may mix them up. */

const FIELD = /\{field:[^{}]+\}/g;
/** 120 orders; more are not tried. */
const MAX_ORDERED = 5;

/** Returns the order that the signature proves; null where none does. */
export async function otherOrder({ scheme, ...trial }: Trial, terms: TrialTerms): Promise<Diagnosis | null> {
  const { row } = scheme;
  const signed = row?.signed ?? "";
  const fields = signed.match(FIELD) ?? [];
  if (row === undefined || fields.length < 2 || fields.length > MAX_ORDERED) return null;
  for (const order of ordersOf(fields)) {
    const other = signed.replace(FIELD, () => order.shift() ?? "");
    if (other !== signed && (await verifies({ ...trial, scheme: hmacScheme({ ...row, signed: other }) }, terms)))
      return {
        code: "field_order",
        text: `the fields are signed in another order than in this source's row: ${other}`,
      };
  }
  return null;
}

/** Yields every order of the items, each a list of its own. */
function* ordersOf(items: readonly string[]): Generator<string[]> {
  if (items.length < 2) yield [...items];
  for (const [at, first] of items.length < 2 ? [] : items.entries())
    for (const rest of ordersOf(items.toSpliced(at, 1))) yield [first, ...rest];
}
