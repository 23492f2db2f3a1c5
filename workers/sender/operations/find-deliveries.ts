import { Problem } from "../../../shared/http/problem.ts";
import type { DeliveryFilter } from "../protocol.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";
import type { EventDelivery } from "./events.ts";
import { inWaves, MAX_QUESTIONED } from "./waves.ts";

/** Deliveries over all endpoints, merged: the newest event first, and by endpoint's id where several have one. */

/** The last delivery of the page before: its seq, and its endpoint where others may have the same seq. */
type MergeCursor = { seq: number; endpointId: string | null };

export type DeliverySearch = {
  filter: DeliveryFilter;
  endpoint: string | null;
  before: MergeCursor | null;
  limit: number;
};

/** `downTo`: the seq down to which all was looked at. `unknown`: endpoints not asked, or without an answer. */
type MergedDeliveries = { deliveries: EventDelivery[]; next: string | null; downTo: number; unknown: number };

/** Deliveries that a page gets from all of them together, and at least from each. */
const MERGED = 2000;
const LEAST_OF_EACH = 5;

/** @throws Problem `not_found` for an endpoint that is not there */
export async function mergeDeliveries(env: Env, query: DeliverySearch): Promise<MergedDeliveries> {
  const { filter, endpoint, before, limit } = query;
  const ids =
    endpoint === null
      ? (await outboxOf(env).subscribers()).endpoints.map(({ id }) => id)
      : [(await knownEndpoint(env, endpoint)).row.id];
  const asked = ids.slice(0, MAX_QUESTIONED);
  const share = Math.min(limit, Math.max(LEAST_OF_EACH, Math.ceil(MERGED / asked.length)));
  const answers = await inWaves(asked, async (endpointId) => {
    const part = await endpointOf(env, endpointId)
      .find(filter, beforeAt(before, endpointId), share)
      // One object that does not answer must not hide the others.
      .catch(() => null);
    return { endpointId, part };
  });
  const parts = answers.flatMap(({ endpointId, part }) => (part === null ? [] : [{ endpointId, ...part }]));
  const downTo = Math.max(0, ...parts.map(({ last }) => last));
  const all = parts
    .flatMap(({ endpointId, deliveries }) => deliveries.map((delivery) => ({ endpointId, delivery })))
    // Below, some endpoint may have more.
    .filter(({ delivery }) => delivery.seq >= downTo)
    .sort((a, b) => b.delivery.seq - a.delivery.seq || (a.endpointId < b.endpointId ? -1 : 1));
  const deliveries = all.slice(0, limit);
  const last = all.length > limit ? deliveries.at(-1) : undefined;
  const rest = downTo > 0 ? String(downTo) : null;
  return {
    deliveries,
    next: last === undefined ? rest : `${last.delivery.seq}.${last.endpointId}`,
    downTo: last?.delivery.seq ?? downTo,
    unknown: ids.length - parts.length,
  };
}

/** Returns the seq below which an endpoint's part of the page begins. */
function beforeAt(before: MergeCursor | null, endpointId: string): number | null {
  if (before === null) return null;
  return before.endpointId !== null && endpointId > before.endpointId ? before.seq + 1 : before.seq;
}

const MERGE_CURSOR = /^(\d{1,15})(?:\.(ep_\w{1,64}))?$/;

/** Reads a position among the deliveries of all endpoints. @throws Problem `invalid_cursor` */
export function mergeCursorOf(text: string | undefined): MergeCursor | null {
  if (text === undefined) return null;
  const [, seq, endpointId = null] = MERGE_CURSOR.exec(text) ?? [];
  if (seq !== undefined) return { seq: Number(seq), endpointId };
  throw new Problem("invalid_cursor", `\`before\` is the \`next\` of a page, not ${JSON.stringify(text)}.`);
}

/** Reads a status as `503`, `5xx`, or 0 for no answer. @throws Problem `invalid_parameter` */
export function statusOf(text: string | undefined): DeliveryFilter["status"] {
  if (text === undefined) return null;
  if (/^[1-5]xx$/.test(text)) return { min: Number(text[0]) * 100, max: Number(text[0]) * 100 + 99 };
  if (/^(0|[1-5]\d\d)$/.test(text)) return { min: Number(text), max: Number(text) };
  const detail = "`status` is that of the last attempt: as 503, as 5xx, or 0 when no answer came.";
  throw new Problem("invalid_parameter", detail);
}
