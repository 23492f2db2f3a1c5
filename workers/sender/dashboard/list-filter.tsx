import { HEALTH_STATES, type HealthCounts, type HealthState } from "../model/health.ts";
import { STATE_WORDS } from "./summary.ts";

/** The choice of endpoints on the list: a text to search for, and a state. */

export type ListChoice = { q: string; state: HealthState | null; after: string };

/** Returns the address of the list with a choice. */
export function listPath({ q, state, after }: ListChoice): string {
  const query = new URLSearchParams();
  if (q !== "") query.set("q", q);
  if (state !== null) query.set("state", state);
  if (after !== "") query.set("after", after);
  return query.size === 0 ? "/" : `/?${query}`;
}

export function ListSearch({ q, state }: ListChoice) {
  return (
    <form method="get" action="/">
      <label for="q">Find an endpoint</label>
      <input id="q" name="q" type="search" value={q} maxlength={200} />
      {state !== null && <input type="hidden" name="state" value={state} />}
      <button type="submit">Search</button>
    </form>
  );
}

/** A link for each state that an endpoint has, with how many have it. */
export function ListFilters({ q, state, counts }: ListChoice & { counts: HealthCounts }) {
  const all = HEALTH_STATES.reduce((sum, each) => sum + counts[each], 0);
  const shown = HEALTH_STATES.filter((each) => counts[each] > 0 || each === state);
  return (
    <ul class="filters" aria-label="Which endpoints">
      {[null, ...shown].map((each) => (
        <li>
          <a href={listPath({ q, state: each, after: "" })} aria-current={each === state ? "true" : undefined}>
            {each === null ? `All ${all}` : `${STATE_WORDS[each]} ${counts[each]}`}
          </a>
        </li>
      ))}
    </ul>
  );
}
