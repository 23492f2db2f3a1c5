import type { ActivityView } from "../model/activity.ts";
import { type Env, endpointOf } from "../operations/env.ts";

import { presentEndpoint } from "../operations/json.ts";
import type { EndpointView } from "../protocol.ts";

/** What a page shows of one endpoint; `activity` null when its object did not answer. */
export type Summary = { endpoint: ReturnType<typeof presentEndpoint>; activity: ActivityView | null };

/** An object that does not answer by then is shown as such: it must not hide the others. */
const ANSWER_MS = 3000;

export async function summarize(env: Env, view: EndpointView): Promise<Summary> {
  const stub = endpointOf(env, view.row.id);
  const answers = await orNull(Promise.all([stub.status(), stub.activity(Date.now())]));
  const [status, activity] = answers ?? [null, null];
  return { endpoint: presentEndpoint(view, status), activity };
}

/** How an endpoint stands, in one word or two, with a sign beside its colour. */
export function stateOfEndpoint({ endpoint, activity }: Summary): {
  kind: "good" | "bad" | "wait";
  sign: string;
  text: string;
} {
  if (!endpoint.enabled) return { kind: "bad", sign: "■", text: "Disabled" };
  if (activity === null) return { kind: "wait", sign: "?", text: "Not answering" };
  if ((endpoint.retrying ?? 0) > 0) return { kind: "wait", sign: "▲", text: `Retrying ${endpoint.retrying}` };
  return { kind: "good", sign: "●", text: "Enabled" };
}

async function orNull<Value>(work: Promise<Value>): Promise<Value | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ANSWER_MS);
  try {
    return await Promise.race([work.catch(() => null), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
