import { marked } from "../../../../shared/pages/marked.ts";
import { Foreign, Time } from "../../../../shared/pages/parts.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import type { EventRecord, EventSummary } from "../../event/record.ts";
import { targetText } from "../../event/request-line.ts";
import { addressQuery, href, unfiltered, type ViewAddress } from "./address.ts";
import { VerificationBadge } from "./badges.tsx";
import { bytesText, repeatedText } from "./text.ts";

/** Facts of one event: who sent it, when, how often, and the events with the same bytes. */

type EventFactsProps = {
  address: ViewAddress;
  record: EventRecord;
  /** The log's newest seq, from which on the page follows it. */
  head: number;
  /** Events with the very same bytes. */
  same: readonly EventSummary[];
  /** The scheme that its source has now; null if the source is no longer configured. */
  scheme: string | null;
  /** The searched text to mark, or null. */
  mark: RegExp | null;
};

export function EventFacts({ address, record, head, same, scheme, mark }: EventFactsProps) {
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
        <Time at={receivedAt} exact={true} />
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
      <Time at={repeated?.lastAt ?? receivedAt} /> <span class="quiet">answered, and not logged</span>
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
            <Time at={receivedAt} />
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
