import type { BadgeProps } from "../../../shared/pages/parts.tsx";
import type { ActivityView } from "../model/activity.ts";
import { type Env, endpointOf } from "../operations/env.ts";
import { presentEndpoint } from "../operations/json.ts";
import type { EndpointView } from "../protocol.ts";

/** An endpoint as the pages show it. `activity` is null if its object did not answer. */
export type EndpointSummary = { endpoint: ReturnType<typeof presentEndpoint>; activity: ActivityView | null };

/** An object without an answer by then is shown as such: one must not hide the others. */
const ANSWER_MS = 3000;

export async function summarize(env: Env, view: EndpointView): Promise<EndpointSummary> {
  const stub = endpointOf(env, view.row.id);
  const answers = await orNull(Promise.all([stub.status(), stub.activity(Date.now())]));
  const [status, activity] = answers ?? [null, null];
  return { endpoint: presentEndpoint(view, status), activity };
}

/** Returns the badge of an endpoint's state. */
export function stateBadgeOf({ endpoint, activity }: EndpointSummary): BadgeProps {
  if (!endpoint.enabled) return { kind: "bad", sign: "■", text: "Disabled" };
  if (activity === null) return { kind: "wait", sign: "?", text: "Not answering" };
  if (endpoint.heldUntil !== null) return { kind: "wait", sign: "▲", text: "Held" };
  if ((endpoint.retrying ?? 0) > 0) return { kind: "wait", sign: "▲", text: `Retrying ${endpoint.retrying}` };
  return { kind: "good", sign: "●", text: "Enabled" };
}

/** Resolves to null when the work fails or takes too long. */
async function orNull<Value>(work: Promise<Value>): Promise<Value | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ANSWER_MS);
  try {
    return await Promise.race([work.catch(() => null), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
