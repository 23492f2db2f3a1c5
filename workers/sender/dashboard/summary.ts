import type { BadgeProps } from "../../../shared/pages/parts.tsx";
import type { ActivityView } from "../model/activity.ts";
import type { HealthState } from "../model/health.ts";
import { presentEndpoint } from "../operations/json.ts";
import type { EndpointReport } from "../protocol.ts";

/** An endpoint as the pages show it. `activity` is null if its object did not answer. */
export type EndpointSummary = { endpoint: ReturnType<typeof presentEndpoint>; activity: ActivityView | null };

export function summarize(report: EndpointReport): EndpointSummary {
  return { endpoint: presentEndpoint(report), activity: report.status?.activity ?? null };
}

export const STATE_WORDS: Record<HealthState, string> = {
  failing: "failing",
  resting: "resting",
  unknown: "not answering",
  disabled: "disabled",
  delivering: "delivering",
};

const SIGNS: Record<HealthState, Omit<BadgeProps, "text">> = {
  failing: { kind: "bad", sign: "■" },
  resting: { kind: "wait", sign: "▲" },
  unknown: { kind: "wait", sign: "?" },
  disabled: { kind: "bad", sign: "■" },
  delivering: { kind: "good", sign: "●" },
};

/** Returns the badge of an endpoint's state. */
export function stateBadgeOf({ endpoint: { state, retrying } }: EndpointSummary): BadgeProps {
  const text = STATE_WORDS[state].replace(/^./, (first) => first.toUpperCase());
  if (state !== "delivering" || (retrying ?? 0) === 0) return { ...SIGNS[state], text };
  return { ...SIGNS.resting, text: `${text}, ${retrying} to retry` };
}
