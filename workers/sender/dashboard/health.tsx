import { Badge, Foreign, Time } from "../../../shared/pages/parts.tsx";
import type { SpanFigures } from "../model/activity.ts";
import { percent } from "./chart.tsx";
import { type EndpointSummary, stateBadgeOf } from "./summary.ts";

/** An endpoint's state, what waits for it and how its attempts went, in words. */

type ShownEndpoint = EndpointSummary["endpoint"];

/** The state, and why: since when it fails and with which answer, until when it rests, for what it is disabled. */
export function StateText(summary: EndpointSummary) {
  return (
    <>
      <Badge {...stateBadgeOf(summary)} />
      <StateReason {...summary.endpoint} />
    </>
  );
}

function StateReason({ state, failingSince, heldUntil, disabledReason, lastAttempt }: ShownEndpoint) {
  const answer = lastAttempt && (lastAttempt.code ?? `status ${lastAttempt.status}`);
  if (state === "failing" && failingSince !== null) {
    return (
      <div class="quiet">
        since <Time at={failingSince} />, last {answer}
      </div>
    );
  }
  if (state === "resting" && heldUntil !== null) {
    return (
      <div class="quiet">
        until <Time at={heldUntil} />, last {answer}
      </div>
    );
  }
  if (state !== "disabled" || disabledReason === null) return null;
  return (
    <div class="quiet">
      because: <Foreign text={disabledReason} />
    </div>
  );
}

/** The events that wait, and since when the oldest does. */
export function LagText({ lag, lagIsAtLeast, oldestWaitingSince }: ShownEndpoint) {
  return (
    <>
      <span class="number">
        {lagIsAtLeast && "at least "}
        {lag === 1 ? "1 event" : `${lag} events`}
      </span>
      {oldestWaitingSince !== null && (
        <div class="quiet">
          oldest <Time at={oldestWaitingSince} />
        </div>
      )}
    </>
  );
}

/** The share of a span's attempts that were delivered, and how long attempts took. */
export function SpanText({ span }: { span: SpanFigures | null }) {
  if (span === null) return <>unknown</>;
  const { attempts, delivered, p50Ms, p95Ms } = span;
  if (p50Ms === null || p95Ms === null) return <span class="quiet">no attempts</span>;
  return (
    <>
      <span class="number">
        {percent(delivered, attempts)} <span class="quiet">of {attempts}</span>
      </span>
      <div class="quiet number">
        p50 {duration(p50Ms)}, p95 {duration(p95Ms)}
      </div>
    </>
  );
}

/** An attempt's answer, or the code of why there was none. */
export function LastAttemptText({
  at,
  status,
  code,
  ms,
}: {
  at: string;
  status: number;
  code: string | null;
  ms: number;
}) {
  return (
    <>
      <Time at={at} />: {code ?? `status ${status}`}, {duration(ms)}
    </>
  );
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
