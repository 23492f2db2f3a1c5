import { cursorOf, wholeNumber } from "../../../shared/http/parameters.ts";
import { outboxOf, type SenderContext } from "../operations/env.ts";
import { deliveriesOf, knownEvent, MAX_SHOWN, typesOf } from "../operations/events.ts";
import { listScheduled, scheduledCursorOf } from "../operations/scheduled.ts";
import { outcomeChoiceOf, SEARCH_PARAMETERS, searchEvents, searchTextOf, timeParameter } from "../operations/search.ts";

import type { ScheduledProps } from "./scheduled.tsx";

/** Reads what the pages of events show. */

const EVENTS_PER_PAGE = 50;
const SCHEDULED_PER_PAGE = 20;
const MAX_LOOKED = 1e12;
/** The value of a field for a local time, which the form says is UTC. */
const LOCAL_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/;

/** The fields of the search form that were filled in, as they came. */
export type AskedSearch = { name: string; text: string }[];

/** Returns one page of a search; `looked` counts the events of the pages before, too. */
export async function lookForEvents(c: SenderContext) {
  const asked = SEARCH_PARAMETERS.flatMap((name) => {
    const text = c.req.query(name)?.trim() ?? "";
    return text === "" ? [] : [{ name, text }];
  });
  const given = (name: string) => asked.find((each) => each.name === name)?.text;
  const before = cursorOf("before", c.req.query("before"));
  const q = searchTextOf(given("q"));
  const search = {
    ...{ q, before, after: null, limit: EVENTS_PER_PAGE, type: typesOf(given("type")) },
    ...{
      since: timeParameter("since", inUtc(given("since"))),
      until: timeParameter("until", inUtc(given("until"))),
    },
    outcome: outcomeChoiceOf(given("outcome")) ?? ("any" as const),
  };
  const isPlain = asked.length === 0 && before === null;
  const [page, exact, scheduled] = await Promise.all([
    searchEvents(c.env, search),
    q === null || before !== null ? null : outboxOf(c.env).event(q),
    isPlain ? scheduledPart(c) : null,
  ]);
  const earlier = wholeNumber("looked", c.req.query("looked"), { min: 0, max: MAX_LOOKED }) ?? 0;
  return { asked, page: { ...page, looked: page.looked + earlier }, exact, isFirst: before === null, scheduled };
}

async function scheduledPart(c: SenderContext): Promise<ScheduledProps> {
  const after = scheduledCursorOf(c.req.query("scheduled"));
  return { scheduled: await listScheduled(c.env, { after, limit: SCHEDULED_PER_PAGE }), isLater: after !== null };
}

/** Returns the time of such a field with its zone; any other text as it is. */
export function inUtc(text: string | undefined): string | undefined {
  if (text === undefined || !LOCAL_TIME.test(text)) return text;
  return text.length === "2026-01-31T08:00".length ? `${text}:00Z` : `${text}Z`;
}

/** Returns an event with its deliveries at a page of its endpoints, and their URLs by id. */
export async function lookAtEvent(c: SenderContext) {
  const event = await knownEvent(c.env, c.req.param("id") ?? "");
  const [found, { endpoints }] = await Promise.all([
    deliveriesOf(c.env, event, { after: c.req.query("after") ?? "", limit: MAX_SHOWN }),
    outboxOf(c.env).subscribers(),
  ]);
  return {
    event,
    ...found,
    q: searchTextOf(c.req.query("q")),
    urls: new Map(endpoints.map(({ id, url }) => [id, url])),
  };
}
