import type { EndpointRow } from "../model/endpoint.ts";
import { countStates, HEALTH_STATES, type HealthState } from "../model/health.ts";
import type { EndpointQuery } from "../protocol.ts";

/** Chooses endpoints from all of them: by text and state, ordered and a page at a time. Pure. */

type Listed = { row: EndpointRow; state: HealthState };

/** The chosen rows, how many match the text in each state, and the key that the next page starts after. */
export type Chosen = { rows: EndpointRow[]; counts: ReturnType<typeof countStates>; next: string | null };

export function chooseEndpoints(all: readonly Listed[], { q, state, byState, after, limit }: EndpointQuery): Chosen {
  const found = all.filter(({ row }) => matches(row, q));
  const keyed = found
    .filter((listed) => state === null || listed.state === state)
    .map((listed) => ({ key: byState ? stateKey(listed) : listed.row.id, row: listed.row }))
    .filter(({ key }) => key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = keyed.slice(0, limit);
  return {
    rows: page.map(({ row }) => row),
    counts: countStates(found.map((listed) => listed.state)),
    next: keyed.length > limit ? (page.at(-1)?.key ?? null) : null,
  };
}

/** Returns the key by which endpoints stand in the order of HEALTH_STATES, those of one state by their ids. */
function stateKey({ row, state }: Listed): string {
  return `${HEALTH_STATES.indexOf(state)}-${row.id}`;
}

function matches({ id, config }: EndpointRow, q: string | null): boolean {
  if (q === null) return true;
  const wanted = q.toLowerCase();
  return [id, config.url, config.description].some((text) => text.toLowerCase().includes(wanted));
}
