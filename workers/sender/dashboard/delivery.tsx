import { Badge, type BadgeProps, Foreign, ForeignBlock, Time } from "../../../shared/pages/parts.tsx";
import { visible } from "../../../shared/pages/visible.ts";
import type { Attempt, Delivery, DeliveryState } from "../model/delivery.ts";
import type { RequestedDelivery } from "../operations/sent-request.ts";
import { Redeliver } from "./forms.tsx";
import {
  DashboardFrame,
  type DashboardFrameProps,
  endpointPath,
  eventPath,
  Refreshed,
  WATCH_SECONDS,
} from "./frame.tsx";
import { RequestSent } from "./request.tsx";

/** Deliveries of one endpoint: their table, and the page of one. */

export const STATE_BADGES: Record<DeliveryState, BadgeProps> = {
  delivered: { kind: "good", sign: "●", text: "Delivered" },
  due: { kind: "wait", sign: "▲", text: "Waiting for a retry" },
  dead: { kind: "bad", sign: "■", text: "Failed for good" },
  expired: { kind: "bad", sign: "□", text: "Expired" },
};

const SKIPPED_BADGE: BadgeProps = { kind: "bad", sign: "■", text: "Skipped" };

export function badgeOf({ state, mark }: Pick<Delivery, "state" | "mark">): BadgeProps {
  return mark === "skipped" ? SKIPPED_BADGE : STATE_BADGES[state];
}

/** Deliveries, each with all its attempts. */
export function DeliveryTable({ id, deliveries }: { id: string; deliveries: readonly Delivery[] }) {
  if (deliveries.length === 0) return <p>None.</p>;
  return (
    <table>
      <caption>Newest first.</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">State</th>
          <th scope="col">Attempts</th>
          <th scope="col">Actions</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <DeliveryRow id={id} delivery={delivery} />
        ))}
      </tbody>
    </table>
  );
}

function DeliveryRow({ id, delivery }: { id: string; delivery: Delivery }) {
  const { seq, type, state, attempts, due, until } = delivery;
  if (state === "expired") {
    return (
      <tr>
        <th scope="row">
          Events {seq} to {until ?? seq}
        </th>
        <td data-label="State">
          <Badge {...STATE_BADGES.expired} />
        </td>
        <td>They reached the end of the retention time before they could be delivered.</td>
        <td />
      </tr>
    );
  }
  return (
    <tr>
      <th scope="row">
        <a id={`open-${seq}`} href={`${endpointPath(id)}/deliveries/${seq}`}>
          <Foreign text={type} />
        </a>
        <div class="quiet">
          <a href={eventPath(delivery.id)}>
            <code>
              <Foreign text={delivery.id} />
            </code>
          </a>
        </div>
      </th>
      <td data-label="State">
        <Badge {...badgeOf(delivery)} />
      </td>
      <td data-label="Attempts">
        <ol>
          {attempts.map((attempt) => (
            <li>
              <Time at={attempt.at} />: {answerOf(attempt)}, {attempt.ms} ms
            </li>
          ))}
        </ol>
        {state === "due" && due !== null && (
          <span class="quiet">
            Next: <Time at={due} />
          </span>
        )}
      </td>
      <td>
        <Redeliver id={id} seq={seq} />
      </td>
    </tr>
  );
}

type DeliveryPageProps = DashboardFrameProps & RequestedDelivery & { endpointId: string; origin: string };

/** One delivery: its request, and the answer to each attempt. */
export function DeliveryPage({ endpointId, delivery, request, origin, ...frame }: DeliveryPageProps) {
  const { id, seq, type, state, attempts, due } = delivery;
  return (
    <DashboardFrame title="Delivery" name={`Delivery of ${visible(type)}`} {...frame}>
      <p>
        <a href={endpointPath(endpointId)}>
          ← Endpoint <code>{endpointId}</code>
        </a>
      </p>
      <dl class="facts" id="facts">
        <dt>State</dt>
        <dd>
          <Badge {...badgeOf(delivery)} />
        </dd>
        <dt>Next attempt</dt>
        <dd>{state === "due" && due !== null ? <Time at={due} /> : "none"}</dd>
      </dl>
      <div class="actions">
        <Redeliver id={endpointId} seq={seq} kind="main" />
      </div>
      <h2>Request</h2>
      <dl class="facts">
        <dt>Event</dt>
        <dd>
          <a href={eventPath(id)}>
            <code>
              <Foreign text={id} />
            </code>
          </a>{" "}
          <span class="quiet">at all its endpoints</span>
        </dd>
        <dt>Type</dt>
        <dd>
          <Foreign text={type} />
        </dd>
        <dt>Position in the log</dt>
        <dd>{seq}</dd>
      </dl>
      <RequestSent request={request} bodyUrl={`${origin}/endpoints/${endpointId}/deliveries/${seq}/body`} />
      <h2>Attempts</h2>
      <Refreshed
        id="attempts"
        from={`${endpointPath(endpointId)}/deliveries/${seq}`}
        also="facts"
        seconds={state === "due" ? WATCH_SECONDS : null}
      >
        {attempts.length === 0 && <p>None yet.</p>}
        <ol>
          {attempts.map((attempt) => (
            <AttemptItem {...attempt} />
          ))}
        </ol>
      </Refreshed>
    </DashboardFrame>
  );
}

function AttemptItem(attempt: Attempt) {
  const { at, ms, nextAt, response, headers = {} } = attempt;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return (
    <li>
      <Time at={at} />: {answerOf(attempt)}, {ms} ms
      {nextAt !== null && (
        <span class="quiet">
          {" "}
          (next: <Time at={nextAt} />)
        </span>
      )}
      {lines.length > 0 && <ForeignBlock label="Headers of the response" text={lines.join("\n")} />}
      {response !== null && response !== "" && <ForeignBlock label="First bytes of the response" text={response} />}
    </li>
  );
}

export function answerOf({ status, code }: Attempt): string {
  if (code === null) return `status ${status}`;
  return status === 0 ? code : `status ${status}, ${code}`;
}
