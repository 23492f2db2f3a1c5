import { Foreign, Time } from "../../../../shared/pages/parts.tsx";
import type { SeqRange } from "../../event/page.ts";
import type { EventSummary } from "../../event/record.ts";
import type { InboxStatus } from "../../inbox/status.ts";
import { href, unfiltered, type ViewAddress } from "./address.ts";
import { NO_TYPE, rangeText, repeatedText } from "./text.ts";

/** Notices above the list: what is wrong with the log, what was rejected, and whose id was searched. */

/** Parts that the notice names; the rest stands behind them. */
const MOST_PARTS = 10;

type LogNoticesProps = {
  address: ViewAddress;
  status: InboxStatus;
  /** Number of requests that were rejected in the last day. */
  rejected: number;
  /** Parts of the log that the page leaves out because they cannot be read. */
  missing: readonly SeqRange[];
  /** The page's own address. */
  again: string;
};

/** All that stands above the list and its filters. */
export function LogNotices(props: LogNoticesProps) {
  return (
    <>
      <LogWarnings status={props.status} />
      <RejectedNotice {...props} />
      <MissingParts {...props} />
    </>
  );
}

/** Number of requests that were rejected in the last day; the script keeps it up to date (client/rejected.js). */
function RejectedNotice({ rejected, address }: LogNoticesProps) {
  return (
    <p id="rejected" class="message failed" hidden={rejected === 0}>
      Rejected in the last 24 hours: <strong>{rejected.toLocaleString("en")}</strong>.{" "}
      <a href={href("/rejected", unfiltered(address))}>See why, and take them in</a>
    </p>
  );
}

/** Events that were searched by their id, wherever in the log they are. */
export function NamedEvents({ named, address }: { named: readonly EventSummary[]; address: ViewAddress }) {
  return named.map(({ seq, type, source, receivedAt, repeated }) => (
    <p class="message">
      The id belongs to{" "}
      <a href={href(`/e/${seq}`, unfiltered(address))}>
        <Foreign text={type ?? NO_TYPE} /> (event {seq})
      </a>{" "}
      of <Foreign text={source} />, received <Time at={receivedAt} /> {repeatedText(repeated?.times ?? 0)}
    </p>
  ));
}

/** Warnings about the log. Events always wait a while for KV, so that alone is none. */
function LogWarnings({ status }: { status: InboxStatus }) {
  const { waiting, oldestWaitingAt, kvFailing, rebuilt, space, seenSince } = status;
  return (
    <>
      {kvFailing && waiting > 0 && oldestWaitingAt !== null && (
        <p class="message failed" role="alert">
          Writing to KV fails at the moment. Events that wait in the Inbox: {waiting.toLocaleString("en")}, the oldest
          since <Time at={oldestWaitingAt} />. They are safe there and can be read, and the write is retried.
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
          To free storage, the ids received before <Time at={seenSince} /> were deleted early. An older event that is
          sent again is logged again.
        </p>
      )}
      {rebuilt !== null && (
        <p class="message failed">
          The storage of this log was lost, and rebuilt from KV at <Time at={rebuilt.at} />. Events after number{" "}
          {rebuilt.lostAfter} and before {rebuilt.firstSeq}, if there were any, are lost.
        </p>
      )}
    </>
  );
}

/** Notice of the parts that cannot be read, each a link to where it would stand. The script adds to them. */
function MissingParts({ missing, status, address, again }: LogNoticesProps) {
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
