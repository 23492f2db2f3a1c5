import type { Notice } from "../../../shared/pages/page.tsx";

/**
 * Notices about what was done, on the page that a form redirects to. The address holds a name from this table and never
 * a text, so no link can make the page say anything else.
 */
const DONE: Record<string, string> = {
  created: "The endpoint was added. This is its secret.",
  deleted: "The endpoint was deleted.",
  deleting: "The endpoint is being deleted.",
  enabled: "The endpoint is enabled and catches up.",
  disabled: "The endpoint is disabled. It keeps its position in the log.",
  rotated: "There is a new secret.",
  published: "The event is in the log, and on its way.",
  tested: "The test event was delivered.",
  waiting: "The test event was sent, but is not delivered yet. Its attempts are below.",
  replaying: "The part of the log is being sent again.",
  "replay-cancelled": "The replay is cancelled. What was under way goes on.",
  cancelled: "The scheduled event is cancelled. It will not be sent.",
  redelivered: "The event is being sent again.",
};

/** Notices that end with a number. */
const COUNTED_NOTICES: Record<string, string> = {
  recovered: "Failed deliveries that are being sent again",
  resent: "The event is being sent again. Endpoints",
  forwarded: "Waiting deliveries that are being sent now",
  skipped: "Waiting deliveries that were skipped",
};

/** Query parameters that name a notice. */
export const NOTICE_PARAMETERS = ["done", "count"];

/** Returns the notice that an address names; undefined for an unknown name. */
export function noticeOf(done: string | undefined, count?: string): Notice | undefined {
  const counted = done !== undefined && Object.hasOwn(COUNTED_NOTICES, done) ? COUNTED_NOTICES[done] : undefined;
  if (counted !== undefined && /^\d{1,6}$/.test(count ?? "")) return { text: `${counted}: ${count}.`, failed: false };
  const text = done !== undefined && Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  return text === undefined ? undefined : { text, failed: done === "waiting" };
}
