/** One event on its way to one endpoint, with its attempts: the shape, and its row. */

export type DeliveryState = "delivered" | "due" | "dead" | "expired";
export type Attempt = {
  at: number;
  ms: number;
  status: number;
  code: string | null;
  nextAt: number | null;
  response: string | null;
};
export type Delivery = {
  seq: number;
  id: string;
  type: string;
  state: DeliveryState;
  due: number | null;
  mark: "redelivery" | null;
  skip: number;
  until: number | null;
  attempts: Attempt[];
  body: string | null;
};

/** The first attempt at an event: how the delivery stands after it, or that there was none yet. */
export type FirstOutcome = { state: DeliveryState | "pending"; status: number; code: string | null };

/** A delivery's state and its last attempt. */
export function summaryOf({ state, attempts }: Pick<Delivery, "state" | "attempts">): FirstOutcome {
  const last = attempts.at(-1);
  return { state, status: last?.status ?? 0, code: last?.code ?? null };
}
