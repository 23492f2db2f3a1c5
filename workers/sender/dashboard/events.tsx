import { excerptOf } from "../../../shared/excerpt.ts";
import { ExcerptText } from "../../../shared/pages/excerpt.tsx";
import { Badge, type BadgeProps, Foreign, Time } from "../../../shared/pages/parts.tsx";
import type { LoggedEvent } from "../model/event.ts";
import { readBodyText } from "../model/event-body.ts";
import { textPattern } from "../model/event-text.ts";
import { type EventOutcome, outcomeOfCounts } from "../operations/outcomes.ts";
import type { EventsFound, FoundOutcome, OutcomeChoice } from "../operations/search.ts";
import type { AskedSearch } from "./event-queries.ts";
import { DashboardFrame, type DashboardFrameProps, EVENTS_PATH, eventPath } from "./frame.tsx";
import { ScheduledList, type ScheduledProps } from "./scheduled.tsx";

/** The page of events: a search form, and what was found. */

type EventsPageProps = DashboardFrameProps & {
  asked: AskedSearch;
  page: EventsFound;
  /** The event of which the text is the id. */
  exact: LoggedEvent | null;
  isFirst: boolean;
  /** Null on the pages of a search. */
  scheduled: ScheduledProps | null;
};

const OUTCOME_BADGES: Record<EventOutcome, BadgeProps> = {
  delivered: { kind: "good", sign: "●", text: "Delivered" },
  waiting: { kind: "wait", sign: "▲", text: "Waiting" },
  dead: { kind: "bad", sign: "■", text: "Failed for good" },
  unwanted: { kind: "wait", sign: "□", text: "No endpoint wants it" },
  unknown: { kind: "wait", sign: "?", text: "An endpoint does not answer" },
};

const OUTCOME_CHOICES: readonly (readonly [OutcomeChoice, string])[] = [
  ["any", "any"],
  ["delivered", "delivered everywhere"],
  ["waiting", "waiting somewhere"],
  ["dead", "failed for good somewhere"],
  ["unwanted", "no endpoint wants it"],
];

/** Characters of the data that a row shows. */
const DATA_START = 120;

/** `GET /dashboard/events`: the newest events, or those that a search has found. */
export function EventsPage({ asked, page, exact, isFirst, scheduled, ...frame }: EventsPageProps) {
  return (
    <DashboardFrame title="Events" tab="events" {...frame}>
      <SearchForm asked={asked} />
      {exact !== null && (
        <p id="exact">
          The event with this id:{" "}
          <a href={eventPath(exact.id)}>
            <code>
              <Foreign text={exact.id} />
            </code>
          </a>
        </p>
      )}
      {scheduled !== null && <ScheduledList {...scheduled} />}
      <p id="looked" role="status" class="quiet">
        <LookedText page={page} />
      </p>
      <div id="found">
        <EventTable found={page.found} q={textOf(asked, "q")} />
        <nav aria-label="Pages of events">
          {!isFirst && <a href={searchPath(asked)}>Newest</a>}
          {page.next !== null && (
            <a id="further" href={searchPath(asked, { before: page.next, looked: page.looked })}>
              Look further back
            </a>
          )}
        </nav>
      </div>
    </DashboardFrame>
  );
}

function SearchForm({ asked }: { asked: AskedSearch }) {
  const given = (name: string) => textOf(asked, name);
  return (
    <form method="get" action={EVENTS_PATH} class="actions">
      <label>
        Text in the data, or id
        <input type="search" name="q" value={given("q")} maxlength={200} />
      </label>
      <label>
        Type
        <input name="type" value={given("type")} placeholder="order.*" />
      </label>
      <label>
        Since, UTC
        <input type="datetime-local" name="since" value={given("since")} />
      </label>
      <label>
        Until, UTC
        <input type="datetime-local" name="until" value={given("until")} />
      </label>
      <label>
        Outcome
        <select name="outcome">
          {OUTCOME_CHOICES.map(([value, text]) => (
            <option value={value} selected={given("outcome") === value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="main">
        Search
      </button>
    </form>
  );
}

/** Returns what a field of the search was filled in with. */
function textOf(asked: AskedSearch, name: string): string | undefined {
  return asked.find((each) => each.name === name)?.text;
}

/** Returns the place of a search, or of its next page. */
function searchPath(asked: AskedSearch, place: Record<string, number> = {}): string {
  const query = new URLSearchParams(asked.map(({ name, text }): [string, string] => [name, text]));
  for (const [name, value] of Object.entries(place)) query.set(name, String(value));
  return query.size === 0 ? EVENTS_PATH : `${EVENTS_PATH}?${query}`;
}

function LookedText({ page: { looked, at, end } }: { page: EventsFound }) {
  const events = looked === 1 ? "1 event" : `${looked.toLocaleString("en")} events`;
  if (at === null) return <>Looked at {events}. There are none at that time.</>;
  return (
    <>
      Looked at {events}, back to <Time at={at} />
      {end ? ": that is all." : "."}
    </>
  );
}

function EventTable({ found, q }: { found: readonly FoundOutcome[]; q: string | undefined }) {
  if (found.length === 0) return <p>None found here.</p>;
  return (
    <table>
      <caption>Newest first.</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Logged</th>
          <th scope="col">Outcome</th>
          <th scope="col">Data</th>
        </tr>
      </thead>
      <tbody>
        {found.map((each) => (
          <EventTableRow {...each} q={q} />
        ))}
      </tbody>
    </table>
  );
}

function EventTableRow({ event, counts, q }: FoundOutcome & { q: string | undefined }) {
  return (
    <tr>
      <th scope="row">
        <a href={eventPath(event.id, q)}>
          <Foreign text={event.type} />
        </a>
        <div class="quiet">
          <code>
            <Foreign text={event.id} />
          </code>
        </div>
      </th>
      <td data-label="Logged">
        <Time at={event.at} />
      </td>
      <td data-label="Outcome">{counts !== null && <Badge {...OUTCOME_BADGES[outcomeOfCounts(counts)]} />}</td>
      <td data-label="Data" class="mono">
        <DataText data={readBodyText(event.body).data} q={q} />
      </td>
    </tr>
  );
}

/** The place of the searched text in the data; the start of the data where that is in the id, or nothing was searched. */
function DataText({ data, q }: { data: string; q: string | undefined }) {
  const excerpt = q === undefined ? null : excerptOf(data, textPattern(q));
  if (excerpt !== null) return <ExcerptText {...excerpt} />;
  return <Foreign text={data.length > DATA_START ? `${data.slice(0, DATA_START)}…` : data} />;
}
