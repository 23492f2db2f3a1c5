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

/** The row: what is JSON or of few values is text there. */
export type StoredDelivery = Omit<Delivery, "attempts" | "state" | "mark"> & {
  attempts: string;
  state: string;
  mark: string | null;
};

export const COLUMNS = "seq, id, type, state, due, mark, skip, until, attempts, body";
export const COLUMNS_WITHOUT_BODY = COLUMNS.replace("body", "NULL AS body");

export function toDelivery(row: StoredDelivery): Delivery {
  return {
    ...row,
    state: row.state as DeliveryState,
    mark: row.mark === "redelivery" ? "redelivery" : null,
    attempts: JSON.parse(row.attempts) as Attempt[],
  };
}
