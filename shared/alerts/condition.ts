/**
 * A condition that an alert is about. Told once when it begins and once when it ends. Times are unix milliseconds.
 *
 * `rule` and `subject` name it: at most one of each is open. `seenAt`: when it was last seen to hold. `toldAt`: when its
 * beginning was told; null until then. `endText` says the end, once there is one.
 */
export type AlertCondition = {
  rule: string;
  subject: string | null;
  text: string;
  since: number;
  seenAt: number;
  toldAt: number | null;
  endedAt: number | null;
  endText: string;
};

export function isOver({ endedAt }: AlertCondition): boolean {
  return endedAt !== null;
}

/** Returns whether a condition's beginning or end is still to be told. */
export function isUntold(condition: AlertCondition): boolean {
  return condition.toldAt === null || isOver(condition);
}
