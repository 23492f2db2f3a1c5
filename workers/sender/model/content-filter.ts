import { compareNumbers, ExactNumber, exactJson } from "./exact-number.ts";

/** Conditions on the data of an event: an endpoint gets the events that meet them. Pure. */

/** A number that a double would change, as the text of it. */
type NumberText = { number: string };
export type FilterNumber = number | NumberText;
export type FilterValue = string | boolean | null | FilterNumber;

/** Tests of one value; all that are given must hold. A value that is not there fails each but `exists: false`. */
export type ValueTests = {
  exists?: boolean;
  equals?: FilterValue;
  in?: readonly FilterValue[];
  prefix?: string;
  gt?: FilterNumber;
  gte?: FilterNumber;
  lt?: FilterNumber;
  lte?: FilterNumber;
};

/** `path`: names with dots between them, or a list of names, from the data down; a number picks from an array. */
type PathCondition = { path: string | readonly string[] } & ValueTests;

export type ContentFilter =
  | { all: readonly ContentFilter[] }
  | { any: readonly ContentFilter[] }
  | { not: ContentFilter }
  | PathCondition;

/**
 * The first condition that an event does not meet. `at`: its place in the filter, empty for the filter as a whole. `found`:
 * the value at its path as JSON text; null where there is none.
 */
export type FilterMiss = { at: string; condition: ContentFilter; found: string | null };

/** Length to which a value that was found is cut. */
const FOUND_LENGTH = 200;

/** The data of an event, parsed for filters. */
export function filterData(data: string): unknown {
  return exactJson(data);
}

/** Returns whether data meets a filter. */
export function meets(filter: ContentFilter, data: unknown): boolean {
  if ("all" in filter) return filter.all.every((each) => meets(each, data));
  if ("any" in filter) return filter.any.some((each) => meets(each, data));
  if ("not" in filter) return !meets(filter.not, data);
  const { path, ...tests } = filter;
  return passes(tests, valueAt(data, path));
}

/** Returns the first condition that data does not meet; null when it meets the filter. */
export function missOf(filter: ContentFilter, data: unknown, at = ""): FilterMiss | null {
  const below = (part: string) => (at === "" ? part : `${at}.${part}`);
  if ("all" in filter) {
    const index = filter.all.findIndex((each) => !meets(each, data));
    const failed = filter.all[index];
    return failed === undefined ? null : missOf(failed, data, below(`all[${index}]`));
  }
  if (meets(filter, data)) return null;
  if ("any" in filter) {
    const [first] = filter.any;
    return first === undefined ? null : missOf(first, data, below("any[0]"));
  }
  if ("not" in filter) return { at, condition: filter, found: foundAt(filter.not, data) };
  return { at, condition: filter, found: foundAt(filter, data) };
}

function foundAt(filter: ContentFilter, data: unknown): string | null {
  if (!("path" in filter)) return null;
  const value = valueAt(data, filter.path);
  if (value === undefined) return null;
  const text = JSON.stringify(value, (_key, each) => (each instanceof ExactNumber ? Number(each.number) : each));
  const exact = value instanceof ExactNumber ? value.number : text;
  return exact.length <= FOUND_LENGTH ? exact : `${exact.slice(0, FOUND_LENGTH)}…`;
}

/** Returns the value at a path; undefined where there is none. Only members of the data itself count. */
function valueAt(data: unknown, path: string | readonly string[]): unknown {
  let value = data;
  for (const name of typeof path === "string" ? path.split(".") : path) {
    if (typeof value !== "object" || value === null || value instanceof ExactNumber) return undefined;
    // The length of an array is a member of it, too, but not of the data.
    if (!Object.hasOwn(value, name) || (Array.isArray(value) && name === "length")) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function passes(tests: ValueTests, value: unknown): boolean {
  if (tests.exists !== undefined && tests.exists !== (value !== undefined)) return false;
  if (tests.equals !== undefined && !isEqual(value, tests.equals)) return false;
  if (tests.in !== undefined && !tests.in.some((each) => isEqual(value, each))) return false;
  if (tests.prefix !== undefined && !(typeof value === "string" && value.startsWith(tests.prefix))) return false;
  return (
    isInRange(value, tests.gt, (order) => order > 0) &&
    isInRange(value, tests.gte, (order) => order >= 0) &&
    isInRange(value, tests.lt, (order) => order < 0) &&
    isInRange(value, tests.lte, (order) => order <= 0)
  );
}

function isInRange(value: unknown, bound: FilterNumber | undefined, holds: (order: number) => boolean): boolean {
  if (bound === undefined) return true;
  return isNumeric(value) && holds(compareNumbers(value, numberOf(bound)));
}

function isEqual(value: unknown, wanted: FilterValue): boolean {
  if (typeof wanted !== "number" && (typeof wanted !== "object" || wanted === null)) return value === wanted;
  return isNumeric(value) && compareNumbers(value, numberOf(wanted)) === 0;
}

function isNumeric(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

function numberOf(value: FilterNumber): number | ExactNumber {
  return typeof value === "number" ? value : new ExactNumber(value.number);
}
