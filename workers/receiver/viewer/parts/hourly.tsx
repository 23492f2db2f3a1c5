import { HOUR_MS } from "../../../../shared/time.ts";
import type { HourlyCounts } from "../../inbox/queries/hourly.ts";
import { addressQuery, href, unfiltered, type ViewAddress } from "./address.ts";
import { arrivalsLabel, arrivalsSummary, hourText } from "./text.ts";

/** Arrivals of the last day by the hour, above the list. */

const BAR_WIDTH = 10;
const CHART_HEIGHT = 40;

/**
 * A chart, and behind it the same as a list, each hour a link to its events. The script counts on from there
 * (client/arrivals.js), so the page has hours without events, too.
 */
export function HourlyChart({ counts, address, now }: { counts: HourlyCounts; address: ViewAddress; now: number }) {
  const { from, hours, exact, head } = counts;
  const most = Math.max(1, ...hours);
  const data = { "data-from": from, "data-hours": hours.join(" "), "data-head": head, "data-now": now };
  return (
    <div class="arrivals" id="arrivals" data-query={addressQuery(unfiltered(address)).toString()} {...data}>
      <svg
        viewBox={`0 0 ${hours.length * BAR_WIDTH} ${CHART_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={arrivalsLabel(hours)}
      >
        {hours.map((count, index) => (
          <HourBar x={index * BAR_WIDTH + 1} count={count} most={most} />
        ))}
      </svg>
      <details>
        <summary>{arrivalsSummary(hours)}</summary>
        <ol>
          {hours.map((count, index) => (
            <HourLink at={from + index * HOUR_MS} count={count} address={address} />
          ))}
        </ol>
        {!exact && <p class="quiet">Older parts of the log are counted as if their events had come evenly.</p>}
      </details>
    </div>
  );
}

/** A bar that can be seen even for one event beside thousands; an hour without any has a mark of its own. */
function HourBar({ x, count, most }: { x: number; count: number; most: number }) {
  const height = count === 0 ? 1 : Math.max(3, Math.round((count / most) * CHART_HEIGHT));
  const y = CHART_HEIGHT - height;
  return <rect class={count === 0 ? "none" : ""} x={x} y={y} width={BAR_WIDTH - 2} height={height} />;
}

function HourLink({ at, count, address }: { at: number; count: number; address: ViewAddress }) {
  const filter = { ...address.filter, since: at, until: at + HOUR_MS };
  return (
    <li hidden={count === 0}>
      <a href={href("/", { ...address, filter })}>
        <time datetime={new Date(at).toISOString()} data-form="hour">
          {hourText(at)}
        </time>
      </a>
      : <span>{count}</span>
    </li>
  );
}
