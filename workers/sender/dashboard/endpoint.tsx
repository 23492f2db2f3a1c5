import { Foreign, Time } from "../../../shared/pages/parts.tsx";
import { visible } from "../../../shared/pages/visible.ts";
import type { Delivery, DeliveryState } from "../model/delivery.ts";
import { DEFAULT_ENDPOINT, type EndpointRate } from "../model/endpoint.ts";
import { ActivityChart } from "./chart.tsx";
import { DeliveryTable } from "./delivery.tsx";
import { EndpointActions } from "./forms.tsx";
import { DashboardFrame, type DashboardFrameProps, endpointPath, REFRESH_SECONDS, Refreshed } from "./frame.tsx";
import { LagText, LastAttemptText, SpanText, StateText } from "./health.tsx";
import { ReplayForm, ReplayText } from "./replay.tsx";
import type { EndpointSummary } from "./summary.ts";

/** The page of one endpoint. */

type EndpointPageProps = DashboardFrameProps & {
  summary: EndpointSummary;
  /** Null if the endpoint's object did not answer. */
  deliveries: readonly Delivery[] | null;
  state: DeliveryState | null;
  before: number | null;
  next: number | null;
};

const STATE_FILTERS: readonly (readonly [DeliveryState | null, string])[] = [
  [null, "All"],
  ["delivered", "Delivered"],
  ["due", "Waiting for a retry"],
  ["dead", "Failed for good"],
  ["expired", "Expired"],
];

/** One endpoint: its state, its buttons, and its deliveries, newest first. */
export function EndpointPage({ summary, deliveries, state, before, next, ...frame }: EndpointPageProps) {
  const { id, url, enabled, retrying } = summary.endpoint;
  const path = endpointPath(id);
  const list =
    deliveries === null ? (
      <p>The endpoint's object did not answer. Try again.</p>
    ) : (
      <DeliveryTable id={id} deliveries={deliveries} />
    );
  return (
    <DashboardFrame title="Endpoint" name={visible(url)} {...frame}>
      <p class="mono">
        <Foreign text={url} />
      </p>
      <div id="facts">
        <EndpointFacts {...summary} />
      </div>
      <EndpointActions id={id} enabled={enabled} fixed={id === DEFAULT_ENDPOINT} retrying={retrying} />
      {enabled && <ReplayForm id={id} />}
      <h2>Deliveries</h2>
      <StateFilters path={path} state={state} />
      {before === null ? (
        <Refreshed id="deliveries" from={withQuery(path, state, null)} also="facts" seconds={REFRESH_SECONDS}>
          {list}
        </Refreshed>
      ) : (
        list
      )}
      {(before !== null || next !== null) && (
        <nav aria-label="Pages of deliveries">
          {before !== null && <a href={withQuery(path, state, null)}>Newest</a>}
          {next !== null && <a href={withQuery(path, state, next)}>Older</a>}
        </nav>
      )}
    </DashboardFrame>
  );
}

function EndpointFacts({ endpoint, activity }: EndpointSummary) {
  const { id, description, types, filter, signing, ordered, rateLimit, headers, createdAt, lastAttempt } = endpoint;
  const { lastHour, lastDay, replay, concurrency, timeoutSeconds, retrySeconds, payload, signatureHeaders } = endpoint;
  const facts: [string, unknown][] = [
    ["Id", <code>{id}</code>],
    ["State", <StateText {...{ endpoint, activity }} />],
    ["Lag", <LagText {...endpoint} />],
    ["Last attempt", lastAttempt?.at && <LastAttemptText {...lastAttempt} at={lastAttempt.at} />],
    ["Last hour", <SpanText span={lastHour} />],
    ["Last day", <SpanText span={lastDay} />],
    ["Replay", replay && <ReplayText id={id} replay={replay} />],
    ["Last 24 hours", activity && <ActivityChart activity={activity} />],
    ["Description", description === "" ? null : <Foreign text={description} />],
    ["Event types", types === null ? "all" : <Foreign text={types.join(", ")} />],
    ["Filter", filter && <Foreign text={JSON.stringify(filter)} />],
    ["Signatures", signing.join(", ")],
    ["Order", ordered ? "strict" : "as fast as possible"],
    ["At once", ordered ? "1 attempt" : `up to ${concurrency} attempts`],
    ["Rate limit", rateText(rateLimit)],
    ["Timeout", `${timeoutSeconds} s`],
    ["Retries after", retrySeconds === null ? "the default delays" : retryText(retrySeconds)],
    ["Body", PAYLOADS[payload]],
    ["Signed headers", signatureHeaders && Object.values(signatureHeaders).join(", ")],
    ["Custom headers", Object.keys(headers).length === 0 ? null : <Foreign text={Object.keys(headers).join(", ")} />],
    ["Created", createdAt && <Time at={createdAt} />],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

function StateFilters({ path, state }: { path: string; state: DeliveryState | null }) {
  return (
    <ul class="filters" aria-label="Which deliveries">
      {STATE_FILTERS.map(([value, text]) => (
        <li>
          <a href={withQuery(path, value, null)} aria-current={value === state ? "true" : undefined}>
            {text}
          </a>
        </li>
      ))}
    </ul>
  );
}

function withQuery(path: string, state: DeliveryState | null, before: number | null): string {
  const query = new URLSearchParams();
  if (state !== null) query.set("state", state);
  if (before !== null) query.set("before", String(before));
  return query.size === 0 ? path : `${path}?${query}`;
}

const PAYLOADS = { standard: "type, timestamp and data", data: "the data alone", cloudevents: "CloudEvents 1.0" };

function rateText(limit: EndpointRate | null): string {
  if (limit === null) return "none";
  const [[unit, count] = []] = Object.entries(limit) as [string, number][];
  return `${count} a ${unit?.replace("per", "").toLowerCase()}`;
}

function retryText(seconds: readonly number[]): string {
  return seconds.length === 0 ? "none: one attempt" : `${seconds.join(", ")} s`;
}
