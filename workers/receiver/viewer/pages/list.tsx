import type { Child } from "hono/jsx";
import { Foreign } from "../../../../shared/pages/parts.tsx";
import type { SeqRange } from "../../event/page.ts";
import type { EventSummary } from "../../event/record.ts";
import type { TextMatch } from "../../event/text-match.ts";
import type { HourlyCounts } from "../../inbox/queries/hourly.ts";
import type { InboxStatus } from "../../inbox/status.ts";
import { notLogged } from "../../log/read.ts";
import { addressQuery, href, unfiltered } from "../parts/address.ts";
import { EventContent, type ShownEvent } from "../parts/event-content.tsx";
import { CompareForm, EventTable, RowTemplates } from "../parts/event-table.tsx";
import { Filters } from "../parts/filters.tsx";
import { KeyHelp, type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { HourlyChart } from "../parts/hourly.tsx";
import { LogNotices, NamedEvents } from "../parts/log-notices.tsx";
import { NO_TYPE } from "../parts/text.ts";

/** The page that lists the events of a log and follows it live. */

type ListPageProps = {
  view: RequestedView;
  /** Newest first. */
  events: readonly EventSummary[];
  /** The cursors of the pages beside this one; null where there is none. */
  newer: number | null;
  older: number | null;
  /** New events come in on this page. */
  atHead: boolean;
  /** Parts of the log that are left out because they cannot be read. */
  missing: readonly SeqRange[];
  /** This page's own address. */
  again: string;
  status: InboxStatus;
  hourly: HourlyCounts;
  /** Events whose id is the text that is searched. */
  named: readonly EventSummary[];
  /** Number of requests that were rejected in the last day. */
  rejected: number;
  /** Places of the searched text, by seq. */
  matches: ReadonlyMap<number, TextMatch>;
  now: number;
  /** Content in place of the list, for a log without any event. */
  empty: Child;
  /** The event to show beside the list, if the address names one: its number alone where the log does not hold it. */
  beside: ShownEvent | { missingSeq: number } | null;
};

/** `GET /`: the events of a log, newest first, and live. */
export function ListPage(props: ListPageProps) {
  const { view, events, matches, missing, status, hourly, now, empty, atHead, beside } = props;
  const { address } = view;
  const filtered = addressQuery(unfiltered(address)).toString() !== addressQuery(address).toString();
  const isEmpty = events.length === 0 && atHead && !filtered && props.older === null && missing.length === 0;
  const besideTitle = (
    <>
      <p class="pill" id="live" hidden>
        connecting
      </p>
      {!isEmpty && <HourlyChart counts={hourly} address={address} now={now} />}
    </>
  );
  return (
    <ViewerFrame title="Webhook receiver" tab="events" view={view} beside={besideTitle}>
      <LogNotices {...props} address={address} />
      {!isEmpty && <Filters address={address} sources={view.sources} now={now} />}
      <NamedEvents named={props.named} address={address} />
      <p id="said-state" class="unseen" role="status" />
      <p id="said-count" class="unseen" role="status" />
      <p id="said-beside" class="unseen" role="status" />
      <div class="split">
        <div class="list">
          <a id="new" class="new" href={href("/", address)} hidden>
            new events
          </a>
          <div
            id="events"
            data-after={status.head}
            data-query={addressQuery(address).toString()}
            data-page={atHead ? "head" : "older"}
          >
            {isEmpty ? (
              empty
            ) : events.length === 0 ? (
              <NoMatch {...props} />
            ) : (
              <EventTable {...{ events, address, matches }} />
            )}
          </div>
          <RowTemplates address={address} />
          {events.length > 1 && <CompareForm address={address} />}
          <PageLinks {...props} />
        </div>
        <section id="beside" aria-label="Event" hidden={beside === null}>
          {beside !== null && <EventBeside view={view} shown={beside} />}
        </section>
      </div>
      {!isEmpty && <ExportAndClear view={view} />}
    </ViewerFrame>
  );
}

/** One event beside the list, on wide screens; the script puts others in its place (client/split.js). */
function EventBeside({ view, shown }: { view: RequestedView; shown: NonNullable<ListPageProps["beside"]> }) {
  const isMissing = "missingSeq" in shown;
  const seq = isMissing ? shown.missingSeq : shown.record.seq;
  return (
    <>
      <nav class="pages" aria-label="Event beside the list">
        <a rel="up" href={href("/", view.address)}>
          Close
        </a>
        <a href={href(`/e/${seq}`, view.address)}>On a page of its own</a>
      </nav>
      <h2>{isMissing ? `Event ${seq}` : <Foreign text={shown.record.type ?? NO_TYPE} />}</h2>
      <div id="event" data-seq={seq}>
        {isMissing ? <p>{notLogged(seq).message}</p> : <EventContent {...shown} view={view} />}
      </div>
    </>
  );
}

/** The script goes on with the search from here (client/search.js). */
function NoMatch({ older, view: { address } }: ListPageProps) {
  if (older === null) return <p>Nothing matches.</p>;
  return (
    <p id="search" data-before={older} data-query={addressQuery(address).toString()}>
      <span role="status">Nothing matches so far. Searched back to number {older.toLocaleString("en")}.</span>{" "}
      <a href={href("/", address, { before: older })}>Go on</a>{" "}
      <button type="button" hidden>
        Stop
      </button>
    </p>
  );
}

function PageLinks({ view: { address }, newer, older, atHead }: ListPageProps) {
  return (
    <nav class="pages" id="pages" aria-label="Pages">
      {!atHead && <a href={href("/", address)}>Newest</a>}
      {newer !== null && (
        <a rel="next" href={href("/", address, { after: newer })}>
          Newer
        </a>
      )}
      {older !== null && (
        <a rel="prev" href={href("/", address, { before: older })}>
          Older
        </a>
      )}
    </nav>
  );
}

function ExportAndClear({ view: { address } }: { view: RequestedView }) {
  const { source } = address.filter;
  return (
    <>
      <h2>Export</h2>
      <div class="actions">
        {(["ndjson", "csv"] as const).map((format) => (
          <a class="button" href={href("/events/export", address, { format })} download>
            Export {format === "csv" ? "CSV" : "NDJSON"}
          </a>
        ))}
      </div>
      <KeyHelp />
      <h2>Clear</h2>
      <p class="quiet">Cleared events are gone for good. Export first what is still needed.</p>
      <div class="actions">
        <form method="post" action={href("/clear", unfiltered(address))}>
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
    </>
  );
}
