import { Foreign } from "../../../../shared/pages/parts.tsx";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../shared/time.ts";
import { type EventFilter, filterParameters, NO_FILTER } from "../../event/filter.ts";
import { DEFAULT_LOG } from "../../verify/source.ts";
import { href, type ViewAddress } from "./address.ts";

/**
 * The filter of the list: links to the sources, a form, and links that take a filter away. All of it stands in the
 * address.
 */

type FiltersProps = { address: ViewAddress; sources: readonly string[]; now: number };

const TIME_RANGES: readonly (readonly [ms: number, text: string])[] = [
  [HOUR_MS, "last hour"],
  [DAY_MS, "last 24 hours"],
  [7 * DAY_MS, "last 7 days"],
];

export function Filters({ address, sources, now }: FiltersProps) {
  const values = filterParameters(address.filter);
  const { type, since, until } = address.filter;
  return (
    <>
      {sources.length > 1 && <SourceLinks path="/" address={address} sources={sources} />}
      <search>
        <form class="search" method="get" action="/">
          {address.log !== DEFAULT_LOG && <input type="hidden" name="log" value={address.log} />}
          {values.source !== undefined && <input type="hidden" name="source" value={values.source} />}
          <label>
            Search by id, or in URLs, headers and bodies
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
      <FilterChips address={address} now={now} />
    </>
  );
}

/** Links to the page at `path` for each source, and for all. */
export function SourceLinks({ path, address, sources }: { path: string } & Omit<FiltersProps, "now">) {
  const { source } = address.filter;
  return (
    <ul class="chips" aria-label="Sources">
      {[null, ...sources].map((name) => (
        <li>
          <a
            href={href(path, { ...address, filter: { ...address.filter, source: name } })}
            aria-current={name === source ? "true" : undefined}
          >
            {name ?? "All sources"}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Each filter that is set, with a link that removes it, and ranges of time to start with. */
function FilterChips({ address, now }: { address: ViewAddress; now: number }) {
  const set = Object.entries(filterParameters(address.filter));
  const without = (name: string): EventFilter => ({ ...address.filter, [name]: null });
  return (
    <ul class="chips" aria-label="Filters">
      {set.map(([name, value]) => (
        <li>
          <a href={href("/", { ...address, filter: without(name) })}>
            <span class="unseen">Remove </span>
            {name}: <Foreign text={value} /> <span aria-hidden="true">×</span>
          </a>
        </li>
      ))}
      {set.length > 1 && (
        <li>
          <a href={href("/", { ...address, filter: NO_FILTER })}>Clear filters</a>
        </li>
      )}
      {address.filter.since === null &&
        TIME_RANGES.map(([ms, text]) => {
          const since = Math.floor((now - ms) / MINUTE_MS) * MINUTE_MS;
          return (
            <li>
              <a href={href("/", { ...address, filter: { ...address.filter, since } })}>{text}</a>
            </li>
          );
        })}
    </ul>
  );
}
