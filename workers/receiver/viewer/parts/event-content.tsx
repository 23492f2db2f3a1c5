import { curlOf, repeatable } from "../../../../shared/pages/curl.ts";
import { MASK } from "../../../../shared/secret-name.ts";
import { bodyBytes, type EventRecord, type EventSummary } from "../../event/record.ts";
import { targetText } from "../../event/request-line.ts";
import { matchIn } from "../../event/text-match.ts";
import { textSearch } from "../../event/text-search.ts";
import { href, unfiltered, webhookUrl } from "./address.ts";
import { CopyButton, Snippet } from "./badges.tsx";
import { Body, type BodyView } from "./body.tsx";
import { EventFacts } from "./event-facts.tsx";
import { ForwardForm, type ForwardState } from "./forward.tsx";
import type { RequestedView } from "./frame.tsx";
import { Headers } from "./headers.tsx";
import { MatchText } from "./text-match.tsx";

/** An event as its own page shows it, and the list beside its rows. */

export type ShownEvent = {
  record: EventRecord;
  /** The log's newest seq, from which on the page follows it. */
  head: number;
  /** The seqs of its neighbours; null if there is none, or none near enough. */
  older: number | null;
  newer: number | null;
  /** Events with the very same bytes. */
  same: readonly EventSummary[];
  /** The scheme that its source has now; null if the source is no longer configured. */
  scheme: string | null;
  bodyView: BodyView | null;
  forwarding: ForwardState;
};

type ShownEventProps = ShownEvent & { view: RequestedView };

/** All of an event but its name, for its own page and beside the list. */
export function EventContent(props: ShownEventProps) {
  const { view, record, bodyView } = props;
  const { address, origin } = view;
  const { seq } = record;
  const bytes = bodyBytes(record);
  const body = `/events/${seq}/body`;
  const request = {
    method: record.method,
    url: record.path === null ? webhookUrl(origin, record.source) : origin + targetText(record),
    headers: repeatable(record.headers),
    body: bytes,
    bodyUrl: origin + href(body, unfiltered(address)),
  };
  const curl = curlOf(request);
  const mark = address.filter.q === null ? null : textSearch(address.filter.q).shown;
  return (
    <>
      <SearchedText {...props} />
      <EventFacts {...{ ...props, address, mark }} />
      <div class="actions">
        <a class="button" href={href(body, unfiltered(address))} download>
          Download the body
        </a>
        <a class="button" href={href(`/events/${seq}`, unfiltered(address))}>
          As JSON
        </a>
        {record.encoding === undefined && bytes.byteLength > 0 && (
          <CopyButton label="Copy body" url={href(body, unfiltered(address))} />
        )}
        <CopyButton label="Copy as curl" from="curl" />
        <a class="button" href={href("/compare", unfiltered(address), { b: seq })}>
          Compare with the one before{record.type !== null && " of this type"}
        </a>
        <CopyButton label="Copy link" text={origin + href(`/e/${seq}`, unfiltered(address))} />
      </div>
      <h2>Body</h2>
      <Body
        {...{ bytes, mark, chosen: bodyView, url: href(body, unfiltered(address)) }}
        addressOf={(chosen) => href(`/e/${seq}`, address, { view: chosen })}
      />
      <Headers headers={record.headers} mark={mark} />
      <h2>Send it again</h2>
      <ForwardForm address={address} seq={seq} forwarding={props.forwarding} />
      <details>
        <summary>As curl</summary>
        <p class="quiet">
          This command sends the same headers and bytes to this receiver, or to another address that you put in. A
          signature is valid for five minutes. A large body is downloaded first; for a deployed receiver, set API_TOKEN
          in the shell.{curl.includes(MASK) && ` Secrets were masked: write them in the place of ${MASK}.`}
        </p>
        <Snippet id="curl" label="curl" text={curl} />
      </details>
    </>
  );
}

/** The first place of the text that the list was searched for; below, each place is marked. */
function SearchedText({ view: { address }, record }: ShownEventProps) {
  const match = address.filter.q === null ? null : matchIn(textSearch(address.filter.q), record);
  if (match === null) return null;
  return (
    <p class="message">
      Found <MatchText match={match} />
    </p>
  );
}
