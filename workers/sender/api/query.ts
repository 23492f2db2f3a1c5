import { Problem } from "../../../shared/http/problem.ts";

/** Query parameters, checked: absent is null, anything else than what is asked for a 400 that names it. */

/** @throws Problem `invalid_parameter` */
export function wholeNumber(
  name: string,
  text: string | undefined,
  { min, max }: { min: number; max: number },
): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Problem(
    "invalid_parameter",
    `${name} is a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`,
  );
}

/** A position in the log. @throws Problem `invalid_cursor` */
export function cursor(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Problem("invalid_cursor", `${name} is a seq that a page of this list gave, not ${JSON.stringify(text)}.`);
}
