import { Badge, Foreign, Time } from "../../../shared/pages/parts.tsx";
import type { DeliveryState } from "../model/delivery.ts";
import type { SenderContext } from "../operations/env.ts";
import type { EventDelivery } from "../operations/events.ts";
import { typesOf } from "../operations/events.ts";
import { mergeCursorOf, mergeDeliveries, statusOf } from "../operations/find-deliveries.ts";
import { stateOf } from "../operations/json.ts";
import { timeParameter } from "../operations/search.ts";
import { answerOf, badgeOf, STATE_BADGES } from "./delivery.tsx";
import { inUtc } from "./event-queries.ts";
import { DashboardFrame, type DashboardFrameProps, DELIVERIES_PATH, endpointPath, eventPath } from "./frame.tsx";

/** The page of the deliveries of all endpoints: a form that chooses among them, and those found. */

/** Fields of the form, as parameters of the address. */
export const DELIVERY_FILTERS = ["endpoint", "state", "status", "type", "since", "until"];
const FOUND_PER_PAGE = 50;
const CHOSEN_STATES = Object.keys(STATE_BADGES) as DeliveryState[];

type FoundDeliveries = Awaited<ReturnType<typeof mergeDeliveries>>;

/** The fields that were filled in, by name. */
type AskedDeliveries = ReadonlyMap<string, string>;

type DeliveriesPageProps = DashboardFrameProps & { asked: AskedDeliveries; found: FoundDeliveries; isFirst: boolean };

/** Finds what the address asks for. @throws Problem `invalid_parameter`, `invalid_cursor`, `not_found` */
export async function lookForDeliveries(c: SenderContext) {
  const asked: AskedDeliveries = new Map(
    DELIVERY_FILTERS.flatMap((name): [string, string][] => {
      const text = c.req.query(name)?.trim() ?? "";
      return text === "" ? [] : [[name, text]];
    }),
  );
  const filter = {
    ...{ state: stateOf(asked.get("state")), status: statusOf(asked.get("status")), type: typesOf(asked.get("type")) },
    since: timeParameter("since", inUtc(asked.get("since"))),
    until: timeParameter("until", inUtc(asked.get("until"))),
  };
  const before = mergeCursorOf(c.req.query("before"));
  const query = { filter, endpoint: asked.get("endpoint") ?? null, before, limit: FOUND_PER_PAGE };
  return { asked, found: await mergeDeliveries(c.env, query), isFirst: before === null };
}

export function DeliveriesPage({ asked, found, isFirst, ...frame }: DeliveriesPageProps) {
  const { deliveries, next, unknown } = found;
  return (
    <DashboardFrame title="Deliveries" tab="deliveries" {...frame}>
      <DeliveryFilterForm asked={asked} />
      {unknown > 0 && (
        <p role="status" class="message failed">
          {unknown === 1 ? "1 endpoint was" : `${unknown} endpoints were`} not asked, or did not answer.
        </p>
      )}
      {deliveries.length === 0 ? <p>None found here.</p> : <FoundTable deliveries={deliveries} />}
      <nav aria-label="Pages of deliveries">
        {!isFirst && <a href={deliveriesPath(asked)}>Newest</a>}
        {next !== null && <a href={deliveriesPath(asked, next)}>Older</a>}
      </nav>
    </DashboardFrame>
  );
}

function DeliveryFilterForm({ asked }: { asked: AskedDeliveries }) {
  return (
    <form method="get" action={DELIVERIES_PATH} class="actions">
      <label>
        Endpoint
        <input name="endpoint" value={asked.get("endpoint")} placeholder="ep_default" maxlength={67} />
      </label>
      <label>
        State
        <select name="state">
          <option value="">any</option>
          {CHOSEN_STATES.map((state) => (
            <option value={state} selected={asked.get("state") === state}>
              {STATE_BADGES[state].text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Last status
        <input name="status" value={asked.get("status")} placeholder="503, 5xx, or 0" maxlength={3} />
      </label>
      <label>
        Type
        <input name="type" value={asked.get("type")} placeholder="order.*" />
      </label>
      <label>
        Last tried since, UTC
        <input type="datetime-local" name="since" value={asked.get("since")} />
      </label>
      <label>
        Until, UTC
        <input type="datetime-local" name="until" value={asked.get("until")} />
      </label>
      <button type="submit" class="main">
        Search
      </button>
    </form>
  );
}

function FoundTable({ deliveries }: { deliveries: readonly EventDelivery[] }) {
  return (
    <table class="whole-rows">
      <caption>The newest event first.</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Endpoint</th>
          <th scope="col">State</th>
          <th scope="col">Last answer</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((each) => (
          <FoundRow {...each} />
        ))}
      </tbody>
    </table>
  );
}

function FoundRow({ endpointId, delivery }: EventDelivery) {
  const { seq, id, type, state, until, attempts } = delivery;
  const last = attempts.at(-1);
  return (
    <tr>
      <th scope="row">
        {state === "expired" ? (
          `Events ${seq} to ${until ?? seq}`
        ) : (
          <>
            <a href={eventPath(id)}>
              <Foreign text={type} />
            </a>
            <div class="quiet">
              <code>
                <Foreign text={id} />
              </code>
            </div>
          </>
        )}
      </th>
      <td data-label="Endpoint">
        <a href={endpointPath(endpointId)}>
          <code>{endpointId}</code>
        </a>
      </td>
      <td data-label="State">
        <Badge {...badgeOf(delivery)} />
      </td>
      <td data-label="Last answer">
        {last !== undefined && (
          <a href={`${endpointPath(endpointId)}/deliveries/${seq}`}>
            <Time at={last.at} />: {answerOf(last)}
          </a>
        )}
      </td>
    </tr>
  );
}

function deliveriesPath(asked: AskedDeliveries, before: string | null = null): string {
  const query = new URLSearchParams([...asked]);
  if (before !== null) query.set("before", before);
  return query.size === 0 ? DELIVERIES_PATH : `${DELIVERIES_PATH}?${query}`;
}
