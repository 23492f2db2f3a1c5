import { type ActivityView, HOURS } from "../model/activity.ts";

const HOUR_WIDTH = 10;
const HALF = 20;

/** Attempts by the hour: delivered stand on the line, failed hang from it, so that colour is not needed. */
export function Chart({ activity }: { activity: ActivityView }) {
  const { delivered, failed } = totals(activity);
  const most = Math.max(1, ...activity.hours.flatMap((hour) => [hour.delivered, hour.failed]));
  const width = HOURS * HOUR_WIDTH;
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${width} ${2 * HALF}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Attempts of the last 24 hours by the hour: ${delivered} delivered, ${failed} failed`}
    >
      <line x1="0" y1={HALF} x2={width} y2={HALF} />
      {activity.hours.map((hour, index) => {
        const x = index * HOUR_WIDTH + 1;
        const up = height(hour.delivered, most);
        return (
          <>
            {up > 0 && <rect class="good" x={x} y={HALF - up} width={HOUR_WIDTH - 2} height={up} />}
            {hour.failed > 0 && (
              <rect class="bad" x={x} y={HALF} width={HOUR_WIDTH - 2} height={height(hour.failed, most)} />
            )}
          </>
        );
      })}
    </svg>
  );
}

/** The share of attempts that were delivered, in words. */
export function Rate({ activity }: { activity: ActivityView }) {
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

/** Rounded, but never to 100 % or 0 % while the other kind exists. */
export function percent(part: number, all: number): string {
  if (part === all) return "100 %";
  const tenths = Math.min(999, Math.max(part === 0 ? 0 : 1, Math.round((part / all) * 1000)));
  return `${tenths / 10} %`;
}

/** What one attempt of many would show must still be seen. */
function height(count: number, most: number): number {
  return count === 0 ? 0 : Math.max(1.5, Math.round((count / most) * (HALF - 1) * 10) / 10);
}

function totals({ hours }: ActivityView): { delivered: number; failed: number } {
  const sum = (name: "delivered" | "failed") => hours.reduce((total, hour) => total + hour[name], 0);
  return { delivered: sum("delivered"), failed: sum("failed") };
}
