import { type ActivityView, HOURS } from "../model/activity.ts";

/** An endpoint's attempts of the last 24 hours, as a chart and in words. */

const HOUR_WIDTH = 10;
const HALF_HEIGHT = 20;

/** Attempts by the hour. Delivered ones stand on the line and failed ones hang from it, so nobody needs the colours. */
export function ActivityChart({ activity }: { activity: ActivityView }) {
  const { delivered, failed } = totals(activity);
  const most = Math.max(1, ...activity.hours.flatMap((hour) => [hour.delivered, hour.failed]));
  const width = HOURS * HOUR_WIDTH;
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${width} ${2 * HALF_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Attempts of the last 24 hours by the hour: ${delivered} delivered, ${failed} failed`}
    >
      <line x1="0" y1={HALF_HEIGHT} x2={width} y2={HALF_HEIGHT} />
      {activity.hours.map((hour, index) => {
        const x = index * HOUR_WIDTH + 1;
        const up = barHeight(hour.delivered, most);
        return (
          <>
            {up > 0 && <rect class="good" x={x} y={HALF_HEIGHT - up} width={HOUR_WIDTH - 2} height={up} />}
            {hour.failed > 0 && (
              <rect class="bad" x={x} y={HALF_HEIGHT} width={HOUR_WIDTH - 2} height={barHeight(hour.failed, most)} />
            )}
          </>
        );
      })}
    </svg>
  );
}

/** The share of attempts that were delivered, in words. */
export function DeliveredShare({ activity }: { activity: ActivityView }) {
  const { delivered, failed } = totals(activity);
  const attempts = delivered + failed;
  if (attempts === 0) return <span class="quiet">no attempts</span>;
  return (
    <span class="number">
      {percent(delivered, attempts)}{" "}
      <span class="quiet">
        of {attempts}
        {activity.cut && " (newest)"}
      </span>
    </span>
  );
}

/** Returns the share, rounded, but never 100 % or 0 % while the other kind exists. */
export function percent(part: number, all: number): string {
  if (part === all) return "100 %";
  const tenths = Math.min(999, Math.max(part === 0 ? 0 : 1, Math.round((part / all) * 1000)));
  return `${tenths / 10} %`;
}

/** Returns a height at which even one attempt beside thousands can be seen. */
function barHeight(count: number, most: number): number {
  return count === 0 ? 0 : Math.max(1.5, Math.round((count / most) * (HALF_HEIGHT - 1) * 10) / 10);
}

function totals({ hours }: ActivityView): { delivered: number; failed: number } {
  const sum = (name: "delivered" | "failed") => hours.reduce((total, hour) => total + hour[name], 0);
  return { delivered: sum("delivered"), failed: sum("failed") };
}
