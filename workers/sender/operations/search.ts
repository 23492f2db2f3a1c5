import { Problem } from "../../../shared/http/problem.ts";
import { isoTime } from "../../../shared/time.ts";
import { MAX_QUERY_LENGTH } from "../model/event-text.ts";
import type { FoundEvent, SearchAnswer, SearchQuery } from "../protocol.ts";
import { type Env, outboxOf } from "./env.ts";
import { eventJson } from "./json.ts";
import { type EventOutcome, mayBe, type OutcomeCounts, outcomeOfCounts, outcomesOf } from "./outcomes.ts";

/** Searches of the log by text, time and outcome, for the API and the dashboard. */

/** `any`: no outcome is left out, and each event comes with its own. */
export type OutcomeChoice = Exclude<EventOutcome, "unknown"> | "any";

export type EventSearch = SearchQuery & { outcome: OutcomeChoice | null };

/** `counts`: null when no outcome was asked for. */
export type FoundOutcome = { event: FoundEvent; counts: OutcomeCounts | null };

/** `next`: the cursor to go on with. `end`: nothing more can be found before the log grows. */
export type EventsFound = Pick<SearchAnswer, "looked" | "at" | "head"> & {
  found: FoundOutcome[];
  next: number | null;
  end: boolean;
};

/** Events whose outcome is asked for at once: each endpoint gets one list of them. */
const CANDIDATES = 200;
const OUTCOMES = new Set<string>(["any", "delivered", "waiting", "dead", "unwanted"] satisfies OutcomeChoice[]);

/** Query parameters of a search besides the cursors. */
export const SEARCH_PARAMETERS = ["type", "q", "since", "until", "outcome"];

/** Returns one page of a search. A page may be short or empty and have a `next`: its work is bounded. */
export async function searchEvents(env: Env, { outcome, ...query }: EventSearch): Promise<EventsFound> {
  const narrow = outcome !== null && outcome !== "any";
  const answer = await outboxOf(env).search(narrow ? { ...query, limit: CANDIDATES } : query);
  const counts = outcome === null ? [] : await outcomesOf(env, answer.events);
  const all = answer.events.map((event, index) => ({ event, counts: counts[index] ?? null }));
  const wanted = narrow ? all.filter((each) => each.counts !== null && mayBe(outcome, each.counts)) : all;
  const found = wanted.slice(0, query.limit);
  return { ...placeOf(answer, query, found.length < wanted.length ? found.at(-1) : undefined), found };
}

/** Returns how far a page has looked; up to `cut`, where what was found did not fit on it. */
function placeOf(answer: SearchAnswer, { after }: SearchQuery, cut: FoundOutcome | undefined) {
  const { from, to, head } = answer;
  const last = cut?.event.seq ?? answer.last;
  const looked = cut === undefined ? answer.looked : answer.looked - Math.abs(answer.last - last);
  const end = after === null ? last <= from : last >= to;
  return { looked, at: cut?.event.at ?? answer.at, head, next: after === null && end ? null : last, end };
}

/** Returns a page as JSON text; data goes out as it came in. */
export function searchJson(
  { found, next, end, looked, at }: EventsFound,
  { after }: Pick<SearchQuery, "after">,
): string {
  const events = found.map(({ event, counts }) =>
    eventJson(event, counts === null ? {} : { outcome: outcomeOfCounts(counts), deliveries: counts }),
  );
  const place = { events: looked, to: at === null ? null : new Date(at).toISOString() };
  const more = { next, ...(after !== null && end ? { end } : {}), looked: place };
  return `{"events":[${events.join(",")}],${JSON.stringify(more).slice(1)}`;
}

/** Reads the text to search for. @throws Problem `invalid_parameter` */
export function searchTextOf(q: string | undefined): string | null {
  if (q === undefined || (q !== "" && q.length <= MAX_QUERY_LENGTH)) return q ?? null;
  throw new Problem("invalid_parameter", `\`q\` is a text of 1 to ${MAX_QUERY_LENGTH} characters.`);
}

/** Reads a time, and returns it in unix ms. @throws Problem `invalid_parameter` */
export function timeParameter(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const time = isoTime(text);
  if (time !== null) return time;
  const detail = `\`${name}\` is an ISO 8601 time with its zone, as 2026-01-31T08:00:00Z, not ${JSON.stringify(text)}.`;
  throw new Problem("invalid_parameter", detail);
}

/** Reads the outcome to search for. @throws Problem `invalid_parameter` */
export function outcomeChoiceOf(text: string | undefined): OutcomeChoice | null {
  if (text === undefined || OUTCOMES.has(text)) return (text ?? null) as OutcomeChoice | null;
  throw new Problem("invalid_parameter", `\`outcome\` is one of ${[...OUTCOMES].join(", ")}.`);
}
