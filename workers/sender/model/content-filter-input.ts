import type { ContentFilter, FilterNumber, FilterValue } from "./content-filter.ts";
import { isNumberText } from "./exact-number.ts";

/** A filter as a caller writes it, checked: its form, its size, and so the cost of each event. Pure. */

type ParsedFilter = { ok: true; filter: ContentFilter } | { ok: false; reason: string };

const MAX_FILTER_LENGTH = 4096;
const MAX_FILTER_DEPTH = 8;
const MAX_FILTER_CONDITIONS = 50;
const MAX_PATH_NAMES = 20;
/** A number of more digits may have lost some when it was parsed. */
const MAX_DIGITS = 15;

const TEST_NAMES = ["exists", "equals", "in", "prefix", "gt", "gte", "lt", "lte"];

/** The first fault of a filter; its message begins with the place. */
class FilterFault extends Error {}

/** Returns the filter, its large numbers as texts; otherwise the first fault, which names its place from `filter` on. */
export function parseContentFilter(value: unknown): ParsedFilter {
  try {
    const filter = conditionFrom(value, { at: "filter", depth: 1, count: { left: MAX_FILTER_CONDITIONS } });
    if (JSON.stringify(filter).length > MAX_FILTER_LENGTH)
      fault("filter", `has at most ${MAX_FILTER_LENGTH} characters`);
    return { ok: true, filter };
  } catch (error) {
    if (error instanceof FilterFault) return { ok: false, reason: error.message };
    throw error;
  }
}

type FilterPlace = { at: string; depth: number; count: { left: number } };

function conditionFrom(value: unknown, place: FilterPlace): ContentFilter {
  const { at, depth, count } = place;
  if (depth > MAX_FILTER_DEPTH) fault(at, `is nested deeper than ${MAX_FILTER_DEPTH} conditions`);
  if (count.left-- === 0) fault("filter", `has at most ${MAX_FILTER_CONDITIONS} conditions`);
  if (!hasMembers(value)) fault(at, 'must be an object: {"path": …}, {"all": […]}, {"any": […]} or {"not": …}');
  const names = Object.keys(value);
  const [group] = ["all", "any", "not"].filter((name) => names.includes(name));
  if (group === undefined) return pathCondition(value, at);
  const other = names.find((name) => name !== group);
  if (other !== undefined) fault(`${at}.${other}`, `may not stand beside ${group}`);
  const { not } = value;
  if (group === "not") return { not: conditionFrom(not, { ...place, at: `${at}.not`, depth: depth + 1 }) };
  const list = value[group];
  if (!Array.isArray(list) || list.length === 0) fault(`${at}.${group}`, "must be a list of at least one condition");
  const conditions = list.map((each, index) =>
    conditionFrom(each, { ...place, at: `${at}.${group}[${index}]`, depth: depth + 1 }),
  );
  return group === "all" ? { all: conditions } : { any: conditions };
}

function pathCondition(value: Record<string, unknown>, at: string): ContentFilter {
  const { path, ...tests } = value;
  const names = typeof path === "string" ? path.split(".") : path;
  const isPath =
    Array.isArray(names) &&
    names.length > 0 &&
    names.length <= MAX_PATH_NAMES &&
    names.every((name) => typeof name === "string" && name !== "");
  if (!isPath) fault(`${at}.path`, `must be 1 to ${MAX_PATH_NAMES} names with dots between them, or a list of names`);
  const given = Object.entries(tests);
  if (given.length === 0) fault(at, `needs a test beside path: ${TEST_NAMES.join(", ")}`);
  const checked = given.map(([name, wanted]) => [name, testFrom(name, wanted, `${at}.${name}`)]);
  return { path: typeof path === "string" ? path : (names as string[]), ...Object.fromEntries(checked) };
}

function testFrom(name: string, value: unknown, at: string): unknown {
  if (!TEST_NAMES.includes(name)) fault(at, `is not a test; there are ${TEST_NAMES.join(", ")}`);
  if (name === "exists") return typeof value === "boolean" ? value : fault(at, "must be true or false");
  if (name === "prefix") return typeof value === "string" ? value : fault(at, "must be a text");
  if (name === "equals") return valueFrom(value, at);
  if (name !== "in") return numberFrom(value, at) ?? fault(at, "must be a number");
  if (!Array.isArray(value) || value.length === 0) fault(at, "must be a list of at least one value");
  return value.map((each, index) => valueFrom(each, `${at}[${index}]`));
}

function valueFrom(value: unknown, at: string): FilterValue {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  return numberFrom(value, at) ?? fault(at, "must be a text, a number, true, false or null");
}

/** Returns a number, one of many digits as its text; null for anything else. */
function numberFrom(value: unknown, at: string): FilterNumber | null {
  if (typeof value === "number") {
    const digits = String(value)
      .replace(/e.*$|\D/g, "")
      .replace(/^0+/, "");
    if (Number.isFinite(value) && digits.length <= MAX_DIGITS) return value;
    return fault(at, `has more than ${MAX_DIGITS} digits: write it as {"number": "…"}`);
  }
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "number") return null;
  const { number } = value as { number: unknown };
  if (typeof number === "string" && isNumberText(number)) return { number };
  return fault(`${at}.number`, "must be a number written as a text, with an exponent of at most four digits");
}

function hasMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(at: string, rule: string): never {
  throw new FilterFault(`${at} ${rule}`);
}
