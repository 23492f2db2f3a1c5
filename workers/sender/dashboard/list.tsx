import type { Message } from "../../../shared/pages/page.tsx";
import { Foreign, Lines } from "../../../shared/pages/parts.tsx";
import { Chart, Rate } from "./chart.tsx";
import { AddEndpoint, PublishEvent, type Typed } from "./forms.tsx";

import { endpointPath, Frame, type FrameProps, REFRESH_SECONDS, Refreshed, State } from "./frame.tsx";
import { type Summary, stateOfEndpoint } from "./summary.ts";

export type ListProps = FrameProps & {
  origin: string;
  summaries: readonly Summary[];
  /** The id that this page starts after, and the one that the next page does. */
  after: string;
  next: string | null;
  typed?: Typed | undefined;
};

/** `GET /`: the endpoints, and how each is doing. */
export function List({ origin, summaries, after, next, typed, ...frame }: ListProps) {
  const from = after === "" ? "/" : `/?after=${encodeURIComponent(after)}`;
  const valuesOf = (form: Typed["form"]) => (typed?.form === form ? typed.values : undefined);
  return (
    <Frame title="Webhook sender" home={true} {...frame}>
      <p id="summary" role="status" class="quiet">
        {inWords(summaries)}
      </p>
      <Refreshed id="list" from={from} also="summary" seconds={REFRESH_SECONDS}>
        <EndpointTable summaries={summaries} />
        {next !== null && <a href={`/?after=${encodeURIComponent(next)}`}>More endpoints</a>}
      </Refreshed>
      <h2>Actions</h2>
      <PublishEvent typed={valuesOf("event")} />
      <AddEndpoint typed={valuesOf("endpoint")} />
      <details>
        <summary>From the command line</summary>
        <p>
          With a token, add <code>-H "authorization: Bearer $API_TOKEN"</code> to each line.
        </p>
        <Lines lines={lines(origin)} />
      </details>
    </Frame>
  );
}

function EndpointTable({ summaries }: { summaries: readonly Summary[] }) {
  if (summaries.length === 0) return <p>No endpoint yet: events are kept in the log until there is one.</p>;
  return (
    <table>
      <caption>Endpoints. Chart: attempts by the hour, delivered above the line, failed below.</caption>
      <thead>
        <tr>
          <th scope="col">Endpoint</th>
          <th scope="col">State</th>
          <th scope="col">Lag</th>
          <th scope="col">Delivered, 24 h</th>
          <th scope="col">Last 24 hours</th>
        </tr>
      </thead>
      <tbody>
        {summaries.map((summary) => (
          <EndpointLine {...summary} />
        ))}
      </tbody>
    </table>
  );
}

function EndpointLine({ endpoint, activity }: Summary) {
  const { id, url, description, lag } = endpoint;
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
        <State {...stateOfEndpoint({ endpoint, activity })} />
      </td>
      <td data-label="Lag" class="number">
        {lag === 1 ? "1 event" : `${lag} events`}
      </td>
      <td data-label="Delivered, 24 h">{activity === null ? "unknown" : <Rate activity={activity} />}</td>
      <td>{activity && <Chart activity={activity} />}</td>
    </tr>
  );
}

/** Read out when it changes. */
function inWords(summaries: readonly Summary[]): string {
  const states = summaries.map((summary) => stateOfEndpoint(summary).kind);
  const count = (kind: string) => states.filter((state) => state === kind).length;
  const endpoints = summaries.length === 1 ? "1 endpoint" : `${summaries.length} endpoints`;
  return `${endpoints}: ${count("good")} well, ${count("wait")} retrying or not answering, ${count("bad")} disabled`;
}

function lines(origin: string): (readonly [string, string])[] {
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

/** What the list is shown with after a form of it was refused. */
export type ListAnswer = { message?: Message | undefined; typed?: Typed; status?: number };
