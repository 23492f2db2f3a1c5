import { curlOf, repeatable } from "../../../../shared/pages/curl.ts";
import { Foreign } from "../../../../shared/pages/parts.tsx";
import { visible } from "../../../../shared/pages/visible.ts";
import { NO_FILTER } from "../../event/filter.ts";
import { MASK } from "../../event/masking.ts";
import { bodyBytes, type EventRecord, type EventSummary } from "../../event/record.ts";
import { targetText } from "../../event/request-line.ts";
import { matchIn } from "../../event/text-match.ts";
import { textSearch } from "../../event/text-search.ts";
import { addressQuery, href, unfiltered, type ViewAddress, webhookUrl } from "../parts/address.ts";
import { CopyButton, Moment, Snippet, VerificationBadge } from "../parts/badges.tsx";
import { Body, type BodyView } from "../parts/body.tsx";
import { ForwardForm, type ForwardState } from "../parts/forward.tsx";
import { KeyHelp, type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { Headers } from "../parts/headers.tsx";
import { marked } from "../parts/marked.ts";
import { bytesText, NO_TYPE, repeatedText } from "../parts/text.ts";
import { MatchText } from "../parts/text-match.tsx";

/** The page of one event. */

type EventPageProps = {
  view: RequestedView;
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

/** `GET /e/:seq`: everything that the log holds of one event. */
export function EventPage(props: EventPageProps) {
  const { view, record, older, newer, bodyView } = props;
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
    <ViewerFrame title={visible(record.type ?? NO_TYPE)} tab="events" view={view}>
      <NeighbourLinks address={address} older={older} newer={newer} />
      <SearchedText {...props} />
      <EventFacts {...{ ...props, mark }} />
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
      <KeyHelp />
    </ViewerFrame>
  );
}

/** The first place of the text that the list was searched for; below, each place is marked. */
function SearchedText({ view: { address }, record }: EventPageProps) {
  const match = address.filter.q === null ? null : matchIn(textSearch(address.filter.q), record);
  if (match === null) return null;
  return (
    <p class="message">
      Found <MatchText match={match} />
    </p>
  );
}

/** Links to the list and to the events beside this one. */
function NeighbourLinks({
  address,
  older,
  newer,
}: {
  address: ViewAddress;
  older: number | null;
  newer: number | null;
}) {
  return (
    <nav class="pages" aria-label="Events beside this one">
      <a rel="up" href={href("/", address)}>
        ← All events
      </a>
      {newer !== null && (
        <a rel="next" href={href(`/e/${newer}`, address)}>
          Newer
        </a>
      )}
      {older !== null && (
        <a rel="prev" href={href(`/e/${older}`, address)}>
          Older
        </a>
      )}
    </nav>
  );
}

type EventFactsProps = EventPageProps & { mark: RegExp | null };

function EventFacts({ view: { address }, record, head, same, scheme, mark }: EventFactsProps) {
  const { seq, id, source, type, receivedAt, bytes, verification, method } = record;
  const listOf = (more: object) => href("/", { log: address.log, filter: { ...NO_FILTER, ...more } });
  return (
    <dl class="facts">
      <dt>Verification</dt>
      <dd>
        <VerificationBadge verification={verification} full={true} />
      </dd>
      <dt>Received</dt>
      <dd>
        <Moment at={receivedAt} exact={true} />
        <CameAgain address={address} record={record} head={head} />
      </dd>
      <dt>Id</dt>
      <dd>{id === null ? "none" : <ForeignCode text={id} />}</dd>
      <dt>Type</dt>
      <dd>
        {type === null ? (
          "none"
        ) : (
          <a href={listOf({ type })}>
            <Foreign text={type} />
          </a>
        )}
      </dd>
      <dt>Source</dt>
      <dd>
        <a href={listOf({ source })}>
          <Foreign text={source} />
        </a>
        {scheme !== null && <span class="quiet"> scheme {scheme}</span>}
      </dd>
      <dt>Request</dt>
      <dd>
        {method === null ? (
          "not kept"
        ) : (
          <code>
            <bdi>
              {method} {marked(targetText(record), mark)}
            </bdi>
          </code>
        )}
      </dd>
      <dt>Size</dt>
      <dd>{bytesText(bytes)}</dd>
      <dt>Position in the log</dt>
      <dd>{seq}</dd>
      {same.length > 0 && <SameBytes same={same} address={address} />}
    </dl>
  );
}

/** Repetitions of the event. The script counts on: it follows the log with a filter that no new event meets. */
function CameAgain({ address, record, head }: { address: ViewAddress; record: EventRecord; head: number }) {
  const { seq, receivedAt, repeated } = record;
  const whole = unfiltered(address);
  const following = { log: whole.log, filter: { ...NO_FILTER, until: Date.parse(receivedAt) } };
  return (
    <div
      id="repeated"
      hidden={repeated === undefined}
      data-seq={seq}
      data-after={head}
      data-log={addressQuery(whole).toString()}
      data-query={addressQuery(following).toString()}
    >
      <span data-slot="times">{repeatedText(repeated?.times ?? 0)}</span>, last{" "}
      <Moment at={repeated?.lastAt ?? receivedAt} /> <span class="quiet">answered, and not logged</span>
    </div>
  );
}

/** Events with the same bytes: separate events, or one that was sent twice. A person can tell. */
function SameBytes({ same, address }: { same: readonly EventSummary[]; address: ViewAddress }) {
  return (
    <>
      <dt>Same bytes as</dt>
      <dd>
        {same.map(({ seq, id, receivedAt }) => (
          <div>
            <a href={href(`/e/${seq}`, unfiltered(address))}>
              <Foreign text={id ?? `event ${seq}`} />
            </a>{" "}
            <Moment at={receivedAt} />
          </div>
        ))}
      </dd>
    </>
  );
}

function ForeignCode({ text }: { text: string }) {
  return (
    <code>
      <Foreign text={text} />
    </code>
  );
}
