import type { Notice } from "../../../shared/pages/page.tsx";
import { Foreign } from "../../../shared/pages/parts.tsx";
import { HEALTH_STATES, type HealthCounts } from "../model/health.ts";
import { ActivityChart, DeliveredShare } from "./chart.tsx";
import { AddEndpointForm, PublishForm, type TypedForm } from "./forms.tsx";
import { DashboardFrame, type DashboardFrameProps, endpointPath, REFRESH_SECONDS, Refreshed } from "./frame.tsx";
import { LagText, SpanText, StateText } from "./health.tsx";
import { type ListChoice, ListFilters, ListSearch, listPath } from "./list-filter.tsx";
import { type EndpointSummary, STATE_WORDS } from "./summary.ts";

/** The page of all endpoints. */

type ListPageProps = DashboardFrameProps & {
  origin: string;
  summaries: readonly EndpointSummary[];
  /** All endpoints by state. */
  counts: HealthCounts;
  choice: ListChoice;
  /** The key that the next page starts after. */
  next: string | null;
  typed?: TypedForm | undefined;
};

/** `GET /`: the endpoints and their states, and forms to publish and to add. */
export function ListPage({ origin, summaries, counts, choice, next, typed, ...frame }: ListPageProps) {
  const valuesOf = (form: TypedForm["form"]) => (typed?.form === form ? typed.values : undefined);
  return (
    <DashboardFrame title="Webhook sender" {...frame}>
      <p id="summary" role="status" class="quiet">
        {summaryText(counts)}
      </p>
      <ListSearch {...choice} />
      <Refreshed id="list" from={listPath(choice)} also="summary" seconds={REFRESH_SECONDS}>
        <ListFilters {...choice} counts={counts} />
        <EndpointTable summaries={summaries} chosen={choice.q !== "" || choice.state !== null} />
        {next !== null && <a href={listPath({ ...choice, after: next })}>More endpoints</a>}
      </Refreshed>
      <h2>Actions</h2>
      <PublishForm typed={valuesOf("event")} />
      <AddEndpointForm typed={valuesOf("endpoint")} />
      <details>
        <summary>From the command line</summary>
        <p>
          With a token, add <code>-H "authorization: Bearer $API_TOKEN"</code> to each line.
        </p>
        <Commands commands={commandsAt(origin)} />
      </details>
    </DashboardFrame>
  );
}

function EndpointTable({ summaries, chosen }: { summaries: readonly EndpointSummary[]; chosen: boolean }) {
  if (summaries.length === 0 && chosen) return <p>No endpoint matches.</p>;
  if (summaries.length === 0) return <p>No endpoint yet. Events are kept in the log until there is one.</p>;
  return (
    <table>
      <caption>Endpoints. Chart: attempts by the hour, delivered above the line, failed below.</caption>
      <thead>
        <tr>
          <th scope="col">Endpoint</th>
          <th scope="col">State</th>
          <th scope="col">Lag</th>
          <th scope="col">Last hour</th>
          <th scope="col">Delivered, 24 h</th>
          <th scope="col">Last 24 hours</th>
        </tr>
      </thead>
      <tbody>
        {summaries.map((summary) => (
          <EndpointTableRow {...summary} />
        ))}
      </tbody>
    </table>
  );
}

function EndpointTableRow({ endpoint, activity }: EndpointSummary) {
  const { id, url, description, lastHour } = endpoint;
  return (
    <tr>
      <th scope="row">
        <a id={`open-${id}`} href={endpointPath(id)}>
          <Foreign text={url} />
        </a>
        <div class="quiet">
          <code>{id}</code> <Foreign text={description} />
        </div>
      </th>
      <td data-label="State">
        <StateText {...{ endpoint, activity }} />
      </td>
      <td data-label="Lag">
        <LagText {...endpoint} />
      </td>
      <td data-label="Last hour">
        <SpanText span={lastHour} />
      </td>
      <td data-label="Delivered, 24 h">{activity === null ? "unknown" : <DeliveredShare activity={activity} />}</td>
      <td>{activity && <ActivityChart activity={activity} />}</td>
    </tr>
  );
}

/** Returns the states of all endpoints in words; a screen reader reads them out when they change. */
function summaryText(counts: HealthCounts): string {
  const all = HEALTH_STATES.reduce((sum, state) => sum + counts[state], 0);
  const states = HEALTH_STATES.filter((state) => counts[state] > 0).map(
    (state) => `${counts[state]} ${STATE_WORDS[state]}`,
  );
  return `${all === 1 ? "1 endpoint" : `${all} endpoints`}${states.length === 0 ? "" : ": "}${states.join(", ")}`;
}

/** Commands to paste, each with its purpose. */
function Commands({ commands }: { commands: readonly Command[] }) {
  return (
    <dl>
      {commands.map(([purpose, command]) => (
        <>
          <dt>{purpose}</dt>
          <dd>
            <pre tabindex={0}>{command}</pre>
          </dd>
        </>
      ))}
    </dl>
  );
}

type Command = readonly [purpose: string, command: string];

function commandsAt(origin: string): Command[] {
  return [
    ["Publish one event and see what its receiver answers", `curl ${origin}/trigger`],
    [
      "Publish your own",
      `curl ${origin}/events -H 'content-type: application/json' -d '{"type":"order.paid","data":{"total":42}}'`,
    ],
    ["See the endpoints, and how far behind each is", `curl ${origin}/endpoints`],
    ["See every attempt at one", `curl ${origin}/endpoints/ep_default/deliveries`],
  ];
}

/** Additions to the list after a form of it was refused. */
export type ListAnswer = { notice?: Notice | undefined; typed?: TypedForm; status?: number };
