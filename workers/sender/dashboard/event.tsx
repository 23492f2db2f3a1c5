import { Badge, Foreign, ForeignBlock, Time } from "../../../shared/pages/parts.tsx";
import type { Attempt, Delivery } from "../model/delivery.ts";
import type { LoggedEvent } from "../model/event.ts";
import { readBodyText } from "../model/event-body.ts";
import { textPattern } from "../model/event-text.ts";
import type { EventDelivery } from "../operations/events.ts";
import { answerOf, STATE_BADGES } from "./delivery.tsx";
import { DashboardFrame, type DashboardFrameProps, endpointPath, eventPath } from "./frame.tsx";

/** The page of one event: its data, and its deliveries at all endpoints. */

type EventPageProps = DashboardFrameProps & {
  event: LoggedEvent;
  deliveries: readonly EventDelivery[];
  /** Endpoints that have not settled it and have no delivery yet. */
  pending: readonly string[];
  next: string | null;
  urls: ReadonlyMap<string, string>;
  /** The searched text, which is marked in the data; null for none. */
  q: string | null;
};

export function LoggedEventPage({ event, deliveries, pending, next, urls, q, ...frame }: EventPageProps) {
  const { id, seq, type, at, body } = event;
  return (
    <DashboardFrame title="Event" name={`Event ${id}`} tab="events" {...frame}>
      <dl class="facts">
        <dt>Event</dt>
        <dd>
          <code>
            <Foreign text={id} />
          </code>
        </dd>
        <dt>Type</dt>
        <dd>
          <Foreign text={type} />
        </dd>
        <dt>Logged</dt>
        <dd>
          <Time at={at} />
        </dd>
        <dt>Position in the log</dt>
        <dd>{seq}</dd>
      </dl>
      <div class="actions">
        {deliveries.some(({ delivery }) => delivery.state !== "delivered") && (
          <Resend id={id} label="Resend to the failed" fields={{ failed: "true" }} kind="main" />
        )}
        {deliveries.length > 0 && <Resend id={id} label="Resend to all" fields={{}} />}
      </div>
      <h2>Deliveries</h2>
      {deliveries.length + pending.length === 0 && <p>No endpoint has a delivery of it.</p>}
      {deliveries.length > 0 && <EventDeliveryTable id={id} deliveries={deliveries} urls={urls} />}
      {pending.length > 0 && (
        <>
          <h3>Not sent yet</h3>
          <p class="quiet">In the endpoint's queue, or waiting in the log while the endpoint is disabled or behind.</p>
          <ul>
            {pending.map((endpointId) => (
              <li>
                <EndpointLink id={endpointId} url={urls.get(endpointId)} />
              </li>
            ))}
          </ul>
        </>
      )}
      {next !== null && (
        <a href={`${eventPath(id)}?${new URLSearchParams({ after: next, ...(q !== null && { q }) })}`}>
          More endpoints
        </a>
      )}
      <h2>Data</h2>
      <ForeignBlock label="Data" text={readBodyText(body).data} pattern={q === null ? null : textPattern(q)} />
    </DashboardFrame>
  );
}

type DeliveriesProps = Pick<EventPageProps, "deliveries" | "urls"> & { id: string };

function EventDeliveryTable({ id, deliveries, urls }: DeliveriesProps) {
  return (
    <table>
      <caption>By endpoint.</caption>
      <thead>
        <tr>
          <th scope="col">Endpoint</th>
          <th scope="col">State</th>
          <th scope="col">Last answer</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map(({ endpointId, delivery }) => (
          <tr>
            <th scope="row">
              <EndpointLink id={endpointId} url={urls.get(endpointId)} />
            </th>
            <td data-label="State">
              <Badge {...STATE_BADGES[delivery.state]} />
            </td>
            <td data-label="Last answer">
              <LastAnswer delivery={delivery} endpointId={endpointId} />
            </td>
            <td>
              <Resend id={id} label="Resend" fields={{ endpointId }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LastAnswer({ delivery, endpointId }: { delivery: Delivery; endpointId: string }) {
  const last: Attempt | undefined = delivery.attempts.at(-1);
  return (
    <>
      {last !== undefined && (
        <div>
          <Time at={last.at} />: {answerOf(last)}, {last.ms} ms
        </div>
      )}
      <a href={`${endpointPath(endpointId)}/deliveries/${delivery.seq}`}>Request and answers</a>
      {last?.response && <ForeignBlock label="First bytes of the response" text={last.response} />}
    </>
  );
}

function EndpointLink({ id, url }: { id: string; url: string | undefined }) {
  return (
    <>
      <a href={endpointPath(id)}>
        <Foreign text={url ?? id} />
      </a>
      <div class="quiet">
        <code>{id}</code>
      </div>
    </>
  );
}

/** A button that sends the event again, to the endpoints that its fields choose. */
function Resend({
  id,
  label,
  fields,
  kind,
}: {
  id: string;
  label: string;
  fields: Record<string, string>;
  kind?: string;
}) {
  return (
    <form method="post" action={`${eventPath(id)}/redeliver`}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class={kind}>
        {label}
      </button>
    </form>
  );
}
