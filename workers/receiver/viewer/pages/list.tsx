import type { Child } from "hono/jsx";
import { Foreign } from "../../../../shared/pages/parts.tsx";
import type { SeqRange } from "../../event/page.ts";
import type { EventSummary } from "../../event/record.ts";
import type { HourlyCounts } from "../../inbox/queries/hourly.ts";
import type { InboxStatus } from "../../inbox/status.ts";
import { addressQuery, href, unfiltered, type ViewAddress } from "../parts/address.ts";
import { Moment, VerificationBadge } from "../parts/badges.tsx";
import { Filters } from "../parts/filters.tsx";
import { KeyHelp, type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { HourlyChart } from "../parts/hourly.tsx";
import { bytesText, NO_TYPE, rangeText, repeatedText } from "../parts/text.ts";

/** The page that lists the events of a log and follows it live. */

/** Parts that the notice names; the rest stands behind them. */
const MOST_PARTS = 10;

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
  now: number;
  /** Content in place of the list, for a log without any event. */
  empty: Child;
};

/** `GET /`: the events of a log, newest first, and live. */
export function ListPage(props: ListPageProps) {
  const { view, events, missing, status, hourly, now, empty, atHead } = props;
  const { address } = view;
  const filtered = addressQuery(unfiltered(address)).toString() !== addressQuery(address).toString();
  const isEmpty = events.length === 0 && atHead && !filtered && props.older === null && missing.length === 0;
  const beside = (
    <>
      <p class="pill" id="live" hidden>
        connecting
      </p>
      {!isEmpty && <HourlyChart counts={hourly} address={address} now={now} />}
    </>
  );
  return (
    <ViewerFrame title="Webhook receiver" tab="events" view={view} beside={beside}>
      <LogWarnings status={status} />
      <RejectedNotice {...props} />
      <MissingParts {...props} />
      {!isEmpty && <Filters address={address} sources={view.sources} now={now} />}
      <NamedEvents {...props} />
      <p id="said-state" class="unseen" role="status" />
      <p id="said-count" class="unseen" role="status" />
      <a id="new" class="new" href={href("/", address)} hidden>
        new events
      </a>
      <div
        id="events"
        data-after={status.head}
        data-query={addressQuery(address).toString()}
        data-page={atHead ? "head" : "older"}
      >
        {isEmpty ? empty : events.length === 0 ? <NoMatch {...props} /> : <EventTable {...props} />}
      </div>
      <RowTemplates address={address} />
      <PageLinks {...props} />
      {!isEmpty && <ExportAndClear view={view} />}
    </ViewerFrame>
  );
}

/** Number of requests that were rejected in the last day; the script keeps it up to date (client/rejected.js). */
function RejectedNotice({ rejected, view: { address } }: ListPageProps) {
  return (
    <p id="rejected" class="message failed" hidden={rejected === 0}>
      Rejected in the last 24 hours: <strong>{rejected.toLocaleString("en")}</strong>.{" "}
      <a href={href("/rejected", unfiltered(address))}>See why, and take them in</a>
    </p>
  );
}

/** Events that were searched by their id, wherever in the log they are. */
function NamedEvents({ named, view: { address } }: ListPageProps) {
  return named.map(({ seq, type, source, receivedAt, repeated }) => (
    <p class="message">
      The id belongs to{" "}
      <a href={href(`/e/${seq}`, unfiltered(address))}>
        <Foreign text={type ?? NO_TYPE} /> (event {seq})
      </a>{" "}
      of <Foreign text={source} />, received <Moment at={receivedAt} /> {repeatedText(repeated?.times ?? 0)}
    </p>
  ));
}

function EventTable({ events, view }: ListPageProps) {
  return (
    <table class="events">
      <caption class="unseen">Events, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Verification</th>
          <th scope="col">Source</th>
          <th scope="col">Size</th>
          <th scope="col">Received</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventListRow event={event} address={view.address} />
        ))}
      </tbody>
    </table>
  );
}

/** One event. `data-slot` marks what the script fills in a new row. */
function EventListRow({ event, address }: { event: EventSummary; address: ViewAddress }) {
  const { seq, type, id, source, bytes, receivedAt, verification, repeated } = event;
  return (
    <tr id={`e${seq}`}>
      <th scope="row">
        <a data-slot="link" href={href(`/e/${seq}`, address)}>
          <span data-slot="type">
            <Foreign text={type ?? NO_TYPE} />
          </span>
        </a>
        <code class="quiet" data-slot="id">
          <Foreign text={id ?? ""} />
        </code>
      </th>
      <td data-label="Verification">
        <VerificationBadge verification={verification} />
      </td>
      <td data-label="Source">
        <a class="plain" data-slot="source" href={href("/", { ...address, filter: { ...address.filter, source } })}>
          <Foreign text={source} />
        </a>
      </td>
      <td data-label="Size" class="number" data-slot="bytes">
        {bytesText(bytes)}
      </td>
      <td data-label="Received" data-slot="received">
        <Moment at={receivedAt} />
        <span class="repeated" data-slot="repeated">
          {repeatedText(repeated?.times ?? 0)}
        </span>
      </td>
    </tr>
  );
}

/** Rows for the script to copy, one for each kind of verification. */
function RowTemplates({ address }: { address: ViewAddress }) {
  const empty = { seq: 0, type: "", id: "", source: "", bytes: 0, receivedAt: new Date(0).toISOString() };
  return (
    <>
      {(["verified", "authenticated", "unverified"] as const).map((verification) => (
        <template id={`row-${verification}`}>
          <EventListRow event={{ ...empty, verification }} address={address} />
        </template>
      ))}
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

/** Warnings about the log. Events always wait a while for KV, so that alone is none. */
function LogWarnings({ status }: { status: InboxStatus }) {
  const { waiting, oldestWaitingAt, kvFailing, rebuilt, space, seenSince } = status;
  return (
    <>
      {kvFailing && waiting > 0 && oldestWaitingAt !== null && (
        <p class="message failed" role="alert">
          Writing to KV fails at the moment. Events that wait in the Inbox: {waiting.toLocaleString("en")}, the oldest
          since <Moment at={new Date(oldestWaitingAt).toISOString()} />. They are safe there and can be read, and the
          write is retried.
        </p>
      )}
      {space === "full" && (
        <p class="message failed" role="alert">
          The storage of this log has reached STORAGE_LIMIT_MB. New events are refused with 503, so that senders retry,
          until KV has taken the waiting ones.
        </p>
      )}
      {seenSince !== null && (
        <p class="message failed">
          To free storage, the ids received before <Moment at={new Date(seenSince).toISOString()} /> were deleted early.
          An older event that is sent again is logged again.
        </p>
      )}
      {rebuilt !== null && (
        <p class="message failed">
          The storage of this log was lost, and rebuilt from KV at <Moment at={new Date(rebuilt.at).toISOString()} />.
          Events after number {rebuilt.lostAfter} and before {rebuilt.firstSeq}, if there were any, are lost.
        </p>
      )}
    </>
  );
}

/** Notice of the parts that cannot be read, each a link to where it would stand. The script adds to them. */
function MissingParts({ missing, status, view: { address }, again }: ListPageProps) {
  const parts = unionOf([...missing, ...status.unread]);
  return (
    <p class="message failed" role="alert" id="missing" hidden={parts.length === 0}>
      A part of the log cannot be read at the moment, and is left out. Numbers:{" "}
      <span>
        {parts.slice(0, MOST_PARTS).map((part, index) => (
          <>
            {index > 0 && ", "}
            <a href={href("/", address, { after: part.from - 1 })}>{rangeText(part)}</a>
          </>
        ))}
        {parts.length > MOST_PARTS && " and others"}
      </span>
      . The log goes on trying. <a href={again}>Try again</a>
    </p>
  );
}

/** Joins parts that overlap: a page and the log's own notes name the same ones. */
function unionOf(parts: readonly SeqRange[]): SeqRange[] {
  const list: SeqRange[] = [];
  for (const { from, to } of parts.toSorted((a, b) => a.from - b.from)) {
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else list.push({ from, to });
  }
  return list;
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
