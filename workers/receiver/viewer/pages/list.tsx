import type { Child } from "hono/jsx";
import type { EventSummary } from "../../event/record.ts";
import type { HourlyCounts as Counted } from "../../inbox/queries/hourly.ts";
import type { InboxStatus } from "../../inbox/status.ts";
import { address, placeQuery, whole } from "../parts/address.ts";
import { Arrivals } from "../parts/arrivals.tsx";
import { Moment } from "../parts/badges.tsx";
import { Filters } from "../parts/filters.tsx";
import { Frame, type View } from "../parts/frame.tsx";
import { Keys } from "../parts/keys.tsx";
import { Row, RowTemplates } from "../parts/row.tsx";

export type ListProps = {
  view: View;
  /** Newest first. */
  events: readonly EventSummary[];
  /** The cursors of the pages beside this one: null where there is none. */
  newer: number | null;
  older: number | null;
  /** Whether this is where new events come in. */
  atHead: boolean;
  status: InboxStatus;
  arrivals: Counted;
  now: number;
  /** What stands in the place of a log without any event. */
  empty: Child;
};

/** `GET /`: the events of a log, newest first, and live. */
export function List(props: ListProps) {
  const { view, events, status, arrivals, now, empty, atHead } = props;
  const { place } = view;
  const filtered = placeQuery(whole(place)).toString() !== placeQuery(place).toString();
  const isEmpty = events.length === 0 && atHead && !filtered && props.older === null;
  const beside = (
    <>
      <p class="pill" id="live" hidden>
        connecting
      </p>
      {!isEmpty && <Arrivals arrivals={arrivals} place={place} now={now} />}
    </>
  );
  return (
    <Frame title="Webhook receiver" tab="events" view={view} beside={beside}>
      <Waiting status={status} />
      {!isEmpty && <Filters place={place} sources={view.sources} now={now} />}
      <p id="said-state" class="unseen" role="status" />
      <p id="said-count" class="unseen" role="status" />
      <a id="new" class="new" href={address("/", place)} hidden>
        new events
      </a>
      <div
        id="events"
        data-after={status.head}
        data-query={placeQuery(place).toString()}
        data-page={atHead ? "head" : "older"}
      >
        {isEmpty ? empty : events.length === 0 ? <Nothing {...props} /> : <Table {...props} />}
      </div>
      <RowTemplates place={place} />
      <Pages {...props} />
      {!isEmpty && <Tools view={view} />}
    </Frame>
  );
}

function Table({ events, view }: ListProps) {
  return (
    <table class="events">
      <caption class="unseen">Events, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Check</th>
          <th scope="col">Source</th>
          <th scope="col">Size</th>
          <th scope="col">Received</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <Row event={event} place={view.place} />
        ))}
      </tbody>
    </table>
  );
}

function Nothing({ older }: ListProps) {
  if (older === null) return <p>Nothing matches.</p>;
  return <p>Nothing matches among the events after number {older}; the log goes on before them.</p>;
}

function Pages({ view: { place }, newer, older, atHead }: ListProps) {
  return (
    <nav class="pages" id="pages" aria-label="Pages">
      {!atHead && <a href={address("/", place)}>Newest</a>}
      {newer !== null && (
        <a rel="next" href={address("/", place, { after: newer })}>
          Newer
        </a>
      )}
      {older !== null && (
        <a rel="prev" href={address("/", place, { before: older })}>
          Older
        </a>
      )}
    </nav>
  );
}

/** Said only when something is wrong: that events wait a while for KV is how it works. */
function Waiting({ status }: { status: InboxStatus }) {
  const { waiting, oldestWaitingAt, kvFailing, rebuilt, space, seenSince } = status;
  return (
    <>
      {kvFailing && waiting > 0 && oldestWaitingAt !== null && (
        <p class="message failed" role="alert">
          KV does not take events at the moment: {waiting.toLocaleString("en")} wait in the Inbox, the oldest since{" "}
          <Moment at={new Date(oldestWaitingAt).toISOString()} />. They are safe there and can be read; the next try
          comes by itself.
        </p>
      )}
      {space === "full" && (
        <p class="message failed" role="alert">
          The storage of this log has reached STORAGE_LIMIT_MB: nothing is accepted, and senders are told to come again,
          until KV has taken what waits.
        </p>
      )}
      {seenSince !== null && (
        <p class="message failed">
          To make room, the ids received before <Moment at={new Date(seenSince).toISOString()} /> were forgotten early:
          an event from before then that is sent again is logged again.
        </p>
      )}
      {rebuilt !== null && (
        <p class="message failed">
          The storage of this log was lost and made anew from KV at <Moment at={new Date(rebuilt.at).toISOString()} />.
          Events after number {rebuilt.lostAfter} and before {rebuilt.firstSeq}, if there were any, are gone.
        </p>
      )}
    </>
  );
}

function Tools({ view: { place } }: { view: View }) {
  const { source } = place.filter;
  return (
    <>
      <h2>Export and clear</h2>
      <div class="actions">
        {(["ndjson", "csv"] as const).map((format) => (
          <a class="button" href={address("/events/export", place, { format })} download>
            Export {format === "csv" ? "CSV" : "NDJSON"}
          </a>
        ))}
        <form method="post" action={address("/clear", whole(place))}>
          {source !== null && <input type="hidden" name="source" value={source} />}
          <label>
            <input type="checkbox" name="confirm" value="yes" required />
            Yes, {source === null ? "the whole log" : "this source"}
          </label>
          <button type="submit" class="danger">
            Clear
          </button>
        </form>
      </div>
      <Keys />
    </>
  );
}
