import type { AnswerHeaders } from "../../../shared/outgoing/answer-headers.ts";

/** One event on its way to one endpoint, with its attempts. Times are unix milliseconds. */

/** `due`: a retry waits. `dead`: no retry is left. `expired`: retention took the event first. */
export type DeliveryState = "delivered" | "due" | "dead" | "expired";

/**
 * One request. `code`: why there was no whole response, else null. `response`: the start of a failure's response.
 * `headers`: those of a failure; the first versions did not keep them.
 */
export type Attempt = {
  at: number;
  ms: number;
  status: number;
  code: string | null;
  nextAt: number | null;
  response: string | null;
  headers?: AnswerHeaders;
};

/** `redelivery`: a person asked for it. `skipped`: a person ended it. */
export type DeliveryMark = "redelivery" | "skipped";
export const MARKS: readonly DeliveryMark[] = ["redelivery", "skipped"];

/** The members are the columns of a delivery's row: README.md beside the rooms, section "Storage". */
export type Delivery = {
  seq: number;
  id: string;
  type: string;
  state: DeliveryState;
  due: number | null;
  mark: DeliveryMark | null;
  skip: number;
  until: number | null;
  attempts: Attempt[];
  body: string | null;
};

/** State of a delivery after its first attempt at an event; `pending` before that. */
export type FirstOutcome = { state: DeliveryState | "pending"; status: number; code: string | null };

/** Returns a delivery's state and its last attempt. */
export function summaryOf({ state, attempts }: Pick<Delivery, "state" | "attempts">): FirstOutcome {
  const last = attempts.at(-1);
  return { state, status: last?.status ?? 0, code: last?.code ?? null };
}
