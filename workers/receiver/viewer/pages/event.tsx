import { Foreign } from "../../../../shared/pages/parts.tsx";
import { visible } from "../../../../shared/pages/visible.ts";
import { bodyBytes, type EventRecord, type EventSummary } from "../../event/record.ts";
import { address, type Place, webhookUrl, whole } from "../parts/address.ts";
import { Check, Copy, Moment, Snippet } from "../parts/badges.tsx";
import { Body, type BodyView } from "../parts/body.tsx";
import { curlOf, repeatable } from "../parts/curl.ts";
import { Forward, type Forwarding } from "../parts/forward.tsx";
import { Frame, type View } from "../parts/frame.tsx";
import { Headers } from "../parts/headers.tsx";
import { Keys } from "../parts/keys.tsx";
import { NO_TYPE } from "../parts/row.tsx";
import { bytesText } from "../parts/text.ts";

export type DetailProps = {
  view: View;
  record: EventRecord;
  /** The events beside it, within what is looked at. */
  older: number | null;
  newer: number | null;
  /** Events with the very same bytes. */
  same: readonly EventSummary[];
  /** The scheme that its source has now; null when the source is no longer configured. */
  scheme: string | null;
  bodyView: BodyView | null;
  forwarding: Forwarding;
};

/** `GET /e/:seq`: everything that is known of one event. */
export function Detail(props: DetailProps) {
  const { view, record, older, newer, bodyView } = props;
  const { place, origin } = view;
  const { seq } = record;
  const bytes = bodyBytes(record);
  const body = `/events/${seq}/body`;
  const request = {
    url: webhookUrl(origin, record.source),
    headers: repeatable(record.headers),
    body: bytes,
    bodyUrl: origin + address(body, whole(place)),
  };
  return (
    <Frame title={visible(record.type ?? NO_TYPE)} tab="events" view={view}>
      <Beside place={place} older={older} newer={newer} />
      <Facts {...props} />
      <div class="actions">
        <a class="button" href={address(body, whole(place))} download>
          Download the body
        </a>
        <a class="button" href={address(`/events/${seq}`, whole(place))}>
          As JSON
        </a>
        <Copy label="Copy as curl" from="curl" />
        <Copy label="Copy link" text={origin + address(`/e/${seq}`, whole(place))} />
      </div>
      <h2>Body</h2>
      <Body bytes={bytes} chosen={bodyView} addressOf={(chosen) => address(`/e/${seq}`, place, { view: chosen })} />
      <Headers headers={record.headers} />
      <h2>Send it again</h2>
      <Forward place={place} seq={seq} forwarding={props.forwarding} />
      <details>
        <summary>As curl</summary>
        <p class="quiet">
          The same headers and bytes, to this receiver or wherever you change the address to. Headers that were masked
          are not in it, and a signature is good for five minutes after it was made. A large body is fetched first: from
          a deployed receiver, set API_TOKEN in the shell.
        </p>
        <Snippet id="curl" label="curl" text={curlOf(request)} />
      </details>
      <Keys />
    </Frame>
  );
}

/** The way back, and to the events beside this one. */
function Beside({ place, older, newer }: { place: Place; older: number | null; newer: number | null }) {
  return (
    <nav class="pages" aria-label="Events beside this one">
      <a rel="up" href={address("/", place)}>
        ← All events
      </a>
      {newer !== null && (
        <a rel="next" href={address(`/e/${newer}`, place)}>
          Newer
        </a>
      )}
      {older !== null && (
        <a rel="prev" href={address(`/e/${older}`, place)}>
          Older
        </a>
      )}
    </nav>
  );
}

function Facts({ view: { place }, record, same, scheme }: DetailProps) {
  const { seq, id, source, type, receivedAt, bytes, verification } = record;
  const filter = (more: object) => address("/", { log: place.log, filter: { ...whole(place).filter, ...more } });
  return (
    <dl class="facts">
      <dt>Check</dt>
      <dd>
        <Check verification={verification} full={true} />
      </dd>
      <dt>Received</dt>
      <dd>
        <Moment at={receivedAt} exact={true} />
      </dd>
      <dt>Id</dt>
      <dd>{id === null ? "none" : <Code text={id} />}</dd>
      <dt>Type</dt>
      <dd>
        {type === null ? (
          "none"
        ) : (
          <a href={filter({ type })}>
            <Foreign text={type} />
          </a>
        )}
      </dd>
      <dt>Source</dt>
      <dd>
        <a href={filter({ source })}>
          <Foreign text={source} />
        </a>
        {scheme !== null && <span class="quiet"> scheme {scheme}</span>}
      </dd>
      <dt>Size</dt>
      <dd>{bytesText(bytes)}</dd>
      <dt>Place in the log</dt>
      <dd>{seq}</dd>
      {same.length > 0 && <SameBytes same={same} place={place} />}
    </dl>
  );
}

/** Two events, or one that was sent twice under two ids: a person can tell. */
function SameBytes({ same, place }: { same: readonly EventSummary[]; place: Place }) {
  return (
    <>
      <dt>Same bytes</dt>
      <dd>
        {same.map(({ seq, id, receivedAt }) => (
          <div>
            <a href={address(`/e/${seq}`, whole(place))}>
              <Foreign text={id ?? `event ${seq}`} />
            </a>{" "}
            <Moment at={receivedAt} />
          </div>
        ))}
      </dd>
    </>
  );
}

function Code({ text }: { text: string }) {
  return (
    <code>
      <Foreign text={text} />
    </code>
  );
}
