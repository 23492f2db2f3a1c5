import { readJson, readMembers } from "../../../shared/http/body.ts";
import { cursorOf, limitOf, takes, wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../config.ts";
import { MAX_REQUEST_BYTES, parseEvents } from "../model/event.ts";
import { createApp, type SenderContext } from "../operations/env.ts";
import {
  deliveriesOf,
  knownEvent,
  MAX_SHOWN,
  type RedeliveryChoice,
  redeliver,
  typesOf,
} from "../operations/events.ts";
import { eventJson, eventsJson, presentDelivery } from "../operations/json.ts";
import { digestOf, publishTo, withDigests } from "../operations/publish.ts";
import { readLog } from "../operations/read-log.ts";
import { cancelScheduled, listScheduled, scheduledCursorOf, scheduledJson } from "../operations/scheduled.ts";
import {
  type EventSearch,
  outcomeChoiceOf,
  SEARCH_PARAMETERS,
  searchEvents,
  searchJson,
  searchTextOf,
  timeParameter,
} from "../operations/search.ts";

/** The routes of the log: publishing, answered 202 when it is durable; reading by cursor; redelivery. */

/** A structured string as in draft-ietf-httpapi-idempotency-key-header, section 2.1, or a bare token. */
const IDEMPOTENCY_KEY = /^("[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$/;

const MAX_PAGE = 500;
/** Parameters that make a page a search, which says how far it looked: all but the type. */
const LOOKED_FOR = SEARCH_PARAMETERS.slice(1);
/** Parameters of the list of scheduled events, which are not in the log yet. */
const SCHEDULED_PARAMETERS = ["scheduled", "after", "limit"];
/** Less than the minute after which proxies take an idle connection for dead. */
const MAX_WAIT_SECONDS = 55;

export const events = createApp()
  .post("/events", takes(), async (c) => {
    const { text } = await readJson(c.req.raw, MAX_REQUEST_BYTES);
    const horizonMs = configOf(c.env).retentionMs;
    const parsed = parseEvents(text, { now: Date.now(), horizonMs });
    if (!parsed.ok) throw new Problem("invalid_event", parsed.reason);
    const request = await idempotencyOf(c.req.header("idempotency-key"), text);
    const published = await publishTo(c.env, { events: await withDigests(parsed.events), request });
    return c.json(parsed.single ? published[0] : { events: published }, 202);
  })
  .get("/events", takes("after", "before", "limit", ...SEARCH_PARAMETERS, "wait", "scheduled"), async (c) => {
    const limit = limitOf(c.req.query("limit"), MAX_PAGE);
    if (c.req.query("scheduled") !== undefined) {
      checkScheduled(c);
      return jsonText(
        scheduledJson(await listScheduled(c.env, { after: scheduledCursorOf(c.req.query("after")), limit })),
      );
    }
    const [after, before] = [cursorOf("after", c.req.query("after")), cursorOf("before", c.req.query("before"))];
    if (after !== null && before !== null) throw new Problem("invalid_cursor", "Give `after` or `before`, not both.");
    const waitSeconds = wholeNumber("wait", c.req.query("wait"), { min: 0, max: MAX_WAIT_SECONDS }) ?? 0;
    if (waitSeconds > 0 && after === null) {
      throw new Problem("invalid_parameter", "`wait` needs `after`, the cursor to wait at.");
    }
    const query = { after, before, limit, type: typesOf(c.req.query("type")) };
    if (LOOKED_FOR.some((name) => c.req.query(name) !== undefined)) {
      if (waitSeconds > 0) throw new Problem("invalid_parameter", "`wait` goes with `type` alone.");
      const page = await searchEvents(c.env, { ...query, ...searchOf(c) });
      refuseAhead(query, page.head);
      return jsonText(searchJson(page, query));
    }
    const wait = { waitMs: waitSeconds * 1000, signal: c.req.raw.signal };
    const { events: found, last, head, oldest } = await readLog(c.env, query, wait);
    refuseAhead(query, head);
    if (after === null) return jsonText(eventsJson(found, { next: last <= oldest ? null : last }));
    return jsonText(eventsJson(found, { next: last, ...(last === head ? { end: true } : {}) }));
  })
  .get("/events/:id", takes("after", "limit"), async (c) => {
    const event = await knownEvent(c.env, c.req.param("id"));
    const limit = limitOf(c.req.query("limit") ?? String(MAX_SHOWN), MAX_SHOWN);
    const found = await deliveriesOf(c.env, event, { after: c.req.query("after") ?? "", limit });
    const deliveries = found.deliveries.map((each) => ({
      endpointId: each.endpointId,
      ...presentDelivery(each.delivery),
    }));
    return jsonText(eventJson(event, { deliveries, pending: found.pending, next: found.next }));
  })
  .delete("/events/:id", takes(), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    await cancelScheduled(c.env, c.req.param("id"));
    return c.body(null, 204);
  })
  .post("/events/:id/redeliver", takes("after"), async (c) => {
    const choice = { ...(await choiceOf(c.req.raw)), after: c.req.query("after") ?? "" };
    const event = await knownEvent(c.env, c.req.param("id"));
    return c.json({ id: event.id, ...(await redeliver(c.env, event, choice)) }, 202);
  });

/** @throws Problem `invalid_parameter` for a parameter that the list of scheduled events has not */
function checkScheduled(c: SenderContext): void {
  if (c.req.query("scheduled") !== "true") throw new Problem("invalid_parameter", "`scheduled` is true, or left out.");
  const { searchParams } = new URL(c.req.url);
  for (const name of searchParams.keys()) {
    if (SCHEDULED_PARAMETERS.includes(name)) continue;
    throw new Problem("invalid_parameter", `\`${name}\` does not go with \`scheduled\`; \`after\` and \`limit\` do.`);
  }
}

/** Reads what to search for besides the type. @throws Problem `invalid_parameter` */
function searchOf(c: SenderContext): Pick<EventSearch, "q" | "since" | "until" | "outcome"> {
  return {
    ...{ q: searchTextOf(c.req.query("q")), outcome: outcomeChoiceOf(c.req.query("outcome")) },
    ...{ since: timeParameter("since", c.req.query("since")), until: timeParameter("until", c.req.query("until")) },
  };
}

/** @throws Problem `cursor_ahead` for a cursor that the log has not reached */
function refuseAhead({ after, before }: { after: number | null; before: number | null }, head: number): void {
  if ((after ?? 0) <= head && (before ?? 0) <= head + 1) return;
  throw new Problem("cursor_ahead", `The newest event is ${head}.`, { extra: { head } });
}

/** Reads the endpoints that a redelivery is for: one, or all that have a delivery; of these, those that failed. */
async function choiceOf(request: Request): Promise<Omit<RedeliveryChoice, "after">> {
  const { endpointId, failed = false } = await readMembers(request, ["endpointId", "failed"], "invalid_input");
  if (endpointId !== undefined && typeof endpointId !== "string") {
    throw new Problem("invalid_input", "endpointId must be the id of an endpoint, as a text.");
  }
  if (typeof failed !== "boolean") throw new Problem("invalid_input", "failed must be true or false.");
  return { only: endpointId ?? null, failed };
}

/** Answers JSON that was put together as text: data goes out as it came in. */
function jsonText(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}

async function idempotencyOf(
  header: string | undefined,
  text: string,
): Promise<{ key: string; digest: string } | null> {
  if (header === undefined) return null;
  if (!IDEMPOTENCY_KEY.test(header)) {
    throw new Problem("invalid_parameter", "Idempotency-Key must be 1 to 255 printable ASCII characters.");
  }
  return { key: header.replace(/^"(.*)"$/, "$1"), digest: await digestOf([text]) };
}
