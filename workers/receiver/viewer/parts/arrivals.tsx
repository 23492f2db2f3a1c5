import { HOUR_MS } from "../../../../shared/time.ts";
import type { HourlyCounts as Counted } from "../../inbox/queries/hourly.ts";

import { address, type Place, placeQuery, whole } from "./address.ts";
import { arrivalsLabel, arrivalsSummary, hourText } from "./text.ts";

const BAR = 10;
const HEIGHT = 40;

/**
 * Arrivals of the last day by the hour, and behind it the same as a list, each hour a link to what came in it. The
 * script goes on from there (client/arrivals.js), so hours without any are there too.
 */
export function Arrivals({ arrivals, place, now }: { arrivals: Counted; place: Place; now: number }) {
  const { from, hours, exact, head } = arrivals;
  const most = Math.max(1, ...hours);
  const data = { "data-from": from, "data-hours": hours.join(" "), "data-head": head, "data-now": now };
  return (
    <div class="arrivals" id="arrivals" data-query={placeQuery(whole(place)).toString()} {...data}>
      <svg
        viewBox={`0 0 ${hours.length * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={arrivalsLabel(hours)}
      >
        {hours.map((count, index) => (
          <Bar x={index * BAR + 1} count={count} most={most} />
        ))}
      </svg>
      <details>
        <summary>{arrivalsSummary(hours, now)}</summary>
        <ol>
          {hours.map((count, index) => (
            <Hour at={from + index * HOUR_MS} count={count} place={place} />
          ))}
        </ol>
        {!exact && <p class="quiet">Older parts of the log are counted as if their events had come evenly.</p>}
      </details>
    </div>
  );
}

/** One of many must still be seen, and that there was none, too. */
function Bar({ x, count, most }: { x: number; count: number; most: number }) {
  const height = count === 0 ? 1 : Math.max(3, Math.round((count / most) * HEIGHT));
  return <rect class={count === 0 ? "none" : ""} x={x} y={HEIGHT - height} width={BAR - 2} height={height} />;
}

function Hour({ at, count, place }: { at: number; count: number; place: Place }) {
  const filter = { ...place.filter, since: at, until: at + HOUR_MS };
  return (
    <li hidden={count === 0}>
      <a href={address("/", { ...place, filter })}>{hourText(at)}</a>: <span>{count}</span>
    </li>
  );
}
