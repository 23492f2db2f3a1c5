import { Foreign } from "../../../../shared/pages/parts.tsx";
import { type EventFilter, filterParameters, NO_FILTER } from "../../event/filter.ts";
import { DEFAULT_LOG } from "../../verify/source.ts";
import { address, type Place } from "./address.ts";

/** What of the log is shown: the sources, a form, and what is set. All of it stands in the address. */

export type FiltersProps = { place: Place; sources: readonly string[]; now: number };

const RANGES: readonly (readonly [ms: number, text: string])[] = [
  [3_600_000, "last hour"],
  [86_400_000, "last 24 hours"],
  [604_800_000, "last 7 days"],
];
const MINUTE_MS = 60_000;

export function Filters({ place, sources, now }: FiltersProps) {
  const values = filterParameters(place.filter);
  const { type, since, until } = place.filter;
  return (
    <>
      {sources.length > 1 && <Sources place={place} sources={sources} />}
      <search>
        <form class="search" method="get" action="/">
          {place.log !== DEFAULT_LOG && <input type="hidden" name="log" value={place.log} />}
          {values.source !== undefined && <input type="hidden" name="source" value={values.source} />}
          <label>
            Search in headers and bodies
            <input type="search" name="q" value={values.q} maxlength={256} />
          </label>
          <button type="submit" class="main">
            Search
          </button>
          <details open={type !== null || since !== null || until !== null}>
            <summary>Type and time</summary>
            <div class="more">
              <label>
                Type
                <input name="type" value={values.type} maxlength={256} placeholder="order.paid or order.*" />
              </label>
              <label>
                Since (UTC)
                <input name="since" value={values.since} placeholder="2026-01-31" />
              </label>
              <label>
                Until (UTC)
                <input name="until" value={values.until} placeholder="2026-01-31T08:00Z" />
              </label>
            </div>
          </details>
        </form>
      </search>
      <Chips place={place} now={now} />
    </>
  );
}

function Sources({ place, sources }: { place: Place; sources: readonly string[] }) {
  const { source } = place.filter;
  return (
    <ul class="chips" aria-label="Sources">
      {[null, ...sources].map((name) => (
        <li>
          <a
            href={address("/", { ...place, filter: { ...place.filter, source: name } })}
            aria-current={name === source ? "true" : undefined}
          >
            {name ?? "All sources"}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** What is set, each with a link that takes it away; and ranges of time to begin with. */
function Chips({ place, now }: { place: Place; now: number }) {
  const set = Object.entries(filterParameters(place.filter));
  const without = (name: string): EventFilter => ({ ...place.filter, [name]: null });
  return (
    <ul class="chips" aria-label="Filters">
      {set.map(([name, value]) => (
        <li>
          <a href={address("/", { ...place, filter: without(name) })}>
            <span class="unseen">Remove </span>
            {name}: <Foreign text={value} /> <span aria-hidden="true">×</span>
          </a>
        </li>
      ))}
      {set.length > 1 && (
        <li>
          <a href={address("/", { ...place, filter: NO_FILTER })}>Clear filters</a>
        </li>
      )}
      {place.filter.since === null &&
        RANGES.map(([ms, text]) => {
          const since = Math.floor((now - ms) / MINUTE_MS) * MINUTE_MS;
          return (
            <li>
              <a href={address("/", { ...place, filter: { ...place.filter, since } })}>{text}</a>
            </li>
          );
        })}
    </ul>
  );
}
