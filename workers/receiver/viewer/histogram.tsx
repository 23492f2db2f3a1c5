import { type Histogram, HOUR_MS } from "../histogram.ts";
import { address, type Place } from "./place.ts";

const BAR = 10;
const HEIGHT = 40;

/** Arrivals of the last day by the hour, and behind it the same as a list, each hour a link to what came in it. */
export function Arrivals({ histogram, place, now }: { histogram: Histogram; place: Place; now: number }) {
  const { from, hours, exact } = histogram;
  const most = Math.max(1, ...hours);
  const total = hours.reduce((sum, count) => sum + count, 0);
  const width = hours.length * BAR;
  return (
    <div class="arrivals">
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Arrivals of the last 24 hours by the hour: ${total} in all, at most ${Math.max(...hours)} in one hour`}
      >
        <line x1="0" y1={HEIGHT - 0.5} x2={width} y2={HEIGHT - 0.5} />
        {hours.map((count, index) => {
          // One of many must still be seen.
          const height = count === 0 ? 0 : Math.max(2, Math.round((count / most) * (HEIGHT - 2)));
          return height > 0 && <rect x={index * BAR + 1} y={HEIGHT - height} width={BAR - 2} height={height} />;
        })}
      </svg>
      <details>
        <summary>
          {total.toLocaleString("en")} {total === 1 ? "arrival" : "arrivals"} in the 24 hours before {hourText(now)},
          all sources
        </summary>
        <ol>
          {hours.map((count, index) => count > 0 && <Hour at={from + index * HOUR_MS} count={count} place={place} />)}
        </ol>
        {!exact && <p class="quiet">Older parts of the log are counted as if their events had come evenly.</p>}
      </details>
    </div>
  );
}

function Hour({ at, count, place }: { at: number; count: number; place: Place }) {
  const filter = { ...place.filter, since: at, until: at + HOUR_MS };
  return (
    <li>
      <a href={address("/", { ...place, filter })}>{hourText(at)}</a>: {count}
    </li>
  );
}

function hourText(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}
