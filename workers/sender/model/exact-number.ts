/** JSON numbers compared as they were written: a double holds only 15 digits of each. Pure. */

/** A number that a double would change, as the text that was written. */
export class ExactNumber {
  readonly number: string;

  constructor(text: string) {
    this.number = text;
  }
}

const JSON_NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Text in which every number is safe: at most 15 digits and a point, and no exponent. */
const UNSAFE = /[\d.]{17}|\d{16}|\d[eE]/;

/** Parses JSON whose numbers keep their digits: each that a double may change is an ExactNumber. */
export function exactJson(text: string): unknown {
  if (!UNSAFE.test(text)) return JSON.parse(text);
  return JSON.parse(text, ((_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === "number" && source !== undefined && UNSAFE.test(source) ? new ExactNumber(source) : value) as (
    key: string,
    value: unknown,
  ) => unknown);
}

/** Returns whether a text is a number as JSON writes it, with an exponent of at most four digits. */
export function isNumberText(text: string): boolean {
  return JSON_NUMBER.test(text) && !/^-?0\d/.test(text) && !/[eE][+-]?\d{5}/.test(text);
}

/** Returns less than 0, 0, or more than 0, as `a` is less than, equal to or more than `b`. */
export function compareNumbers(a: number | ExactNumber, b: number | ExactNumber): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [first, second] = [decimalOf(a), decimalOf(b)];
  if (first.sign !== second.sign) return first.sign - second.sign;
  return first.sign * compareSizes(first, second);
}

/** A number as sign × 0.digits × 10^exponent, the digits without zeros at either end. */
type Decimal = { sign: -1 | 0 | 1; digits: string; exponent: number };

function compareSizes(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) return a.exponent - b.exponent;
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0;
}

function decimalOf(value: number | ExactNumber): Decimal {
  const text = value instanceof ExactNumber ? value.number : String(value);
  const [, minus = "", whole = "0", fraction = "", exponent = "0"] = JSON_NUMBER.exec(text) ?? [];
  const all = whole + fraction;
  const first = all.search(/[1-9]/);
  if (first < 0) return { sign: 0, digits: "", exponent: 0 };
  let last = all.length;
  while (all[last - 1] === "0") last--;
  const digits = all.slice(first, last);
  return { sign: minus === "" ? 1 : -1, digits, exponent: Number(exponent) + whole.length - first };
}
