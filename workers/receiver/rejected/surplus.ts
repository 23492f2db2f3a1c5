import { networkOf } from "../../../shared/auth/client-network.ts";
import type { Diagnosis } from "./diagnosis/diagnosis.ts";
import type { Rejection } from "./rejection.ts";

/** Chooses which rejected request goes when there are too many: a flood must not push out genuine ones. Pure. */

/** Diagnoses that prove nothing of the sender. Any other shows that somebody with a secret signed the request. */
const UNPROVEN: ReadonlySet<Diagnosis["code"]> = new Set([
  ...(["unknown_key", "partly_tried", "wrong_secret", "wrong_scheme", "forged"] as const),
  ...(["configuration_error", "not_examined", "other_name"] as const),
]);

/** Tells whether the diagnosis proves that a request is genuine. */
export function isProven({ diagnosis }: Pick<Rejection, "diagnosis">): boolean {
  return diagnosis !== null && !UNPROVEN.has(diagnosis.code);
}

/**
 * Returns the one that goes. Half of the place is for proven requests and half for the others, so neither crowds the
 * other out; within a half, whoever sent most loses its oldest.
 *
 * @param entries the newest first
 */
export function surplusOf<Entry extends Rejection>(
  entries: readonly Entry[],
  sizeOf: (entry: Entry) => number,
): Entry | undefined {
  const total = (list: readonly Entry[]) => list.reduce((sum, entry) => sum + sizeOf(entry), 0);
  const halves = Map.groupBy(entries, isProven);
  const [proven = [], others = []] = [halves.get(true), halves.get(false)];
  const clients = Map.groupBy(total(others) >= total(proven) ? others : proven, clientOf);
  const [most] = [...clients.values()].sort((a, b) => total(b) - total(a));
  return most?.findLast((entry) => sizeOf(entry) > 0);
}

/** Returns the network that a request came from; empty where its header was cut off. */
function clientOf({ headers }: Rejection): string {
  return networkOf(headers.find(([name]) => name === "cf-connecting-ip")?.[1] ?? "");
}
