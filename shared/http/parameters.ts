import { Problem } from "./problem.ts";

/** What the routes that read a log take from a query string. */

// Decimal and exact as a JavaScript number; 0 stands before the first event.
const NUMBER = /^(0|[1-9]\d{0,14})$/;

/** @throws Problem `invalid_parameter`: a parameter that is not understood is not ignored. */
export function checkParameters(parameters: URLSearchParams, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (known.includes(name) && parameters.getAll(name).length === 1) continue;
    throw new Problem("invalid_parameter", `\`${name}\` is unknown or given twice; known are ${known.join(", ")}.`);
  }
}

/** A plain decimal number, or null for any other text. */
export function numberOf(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : null;
}

/** @throws Problem `invalid_cursor` */
export function cursorOf(text: string | null): number | null {
  if (text === null) return null;
  const seq = numberOf(text);
  if (seq === null) throw new Problem("invalid_cursor", "A cursor is a `seq` or a page's `next`: a decimal number.");
  return seq;
}

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
