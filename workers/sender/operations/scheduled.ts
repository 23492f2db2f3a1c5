import { Problem } from "../../../shared/http/problem.ts";
import type { ScheduledQuery } from "../protocol.ts";
import { type Env, outboxOf } from "./env.ts";

/** Events that are scheduled: listed, and cancelled before they are due. For the API and the dashboard. */

/** Returns a page of them, those first that are due first. `next`: the cursor to go on with, null at the end. */
export async function listScheduled(env: Env, query: ScheduledQuery) {
  const { events, more, count } = await outboxOf(env).scheduledEvents(query);
  const last = events.at(-1);
  return { events, count, next: more && last !== undefined ? `${last.due}.${last.n}` : null };
}

/** Cancels an event; safe to repeat. @throws Problem `event_released`, `not_found` */
export async function cancelScheduled(env: Env, id: string): Promise<void> {
  const cancelled = await outboxOf(env).cancel(id);
  if (cancelled === null) throw new Problem("not_found", `No event ${id} is scheduled.`);
  if ("cancelledAt" in cancelled) return;
  const { seq } = cancelled;
  throw new Problem("event_released", `The event ${id} is in the log, as number ${seq}.`, { extra: { seq } });
}

const SCHEDULED_CURSOR = /^(\d{1,15})\.(\d{1,15})$/;

/** Reads a place among scheduled events. @throws Problem `invalid_cursor` */
export function scheduledCursorOf(text: string | undefined): ScheduledQuery["after"] {
  if (text === undefined) return null;
  const [, due, n] = SCHEDULED_CURSOR.exec(text) ?? [];
  if (due !== undefined && n !== undefined) return { due: Number(due), n: Number(n) };
  throw new Problem("invalid_cursor", `A cursor is the \`next\` of a page, not ${JSON.stringify(text)}.`);
}

/** Returns a page as JSON text; data goes out as it came in. */
export function scheduledJson({ events, next, count }: Awaited<ReturnType<typeof listScheduled>>): string {
  const shown = events.map(({ id, type, due, data }) => {
    const head = JSON.stringify({ id, type, deliverAt: new Date(due).toISOString() });
    return `${head.slice(0, -1)},"data":${data}}`;
  });
  return `{"events":[${shown.join(",")}],${JSON.stringify({ next, count }).slice(1)}`;
}
