const MINUTE_MS = 60_000;
/** A timer this late means the machine slept or stood still. */
const LATE_MS = 1000;

/**
 * The cron's scheduled time for a timer that was set for `target` and fired at `now`: the exact minute, so
 * that the windows of two ticks meet; after a sleep the present, so that nothing missed comes in a burst.
 */
export function tickTime(target: number, now: number): number {
  return now - target > LATE_MS ? now : target;
}

/** The next full minute after `now`, in unix milliseconds. */
export function nextMinute(now: number): number {
  return (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
}

/**
 * Calls `fire` at once and then on each minute: `wrangler dev` never fires a cron by itself. A `fire` that
 * fails goes to `report`, and the next minute comes all the same.
 *
 * @returns what stops it
 */
export function startClock(fire: (time: number) => Promise<void>, report: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout;
  const tick = (time: number) => void fire(time).catch(report);
  const wait = (target: number) => {
    timer = setTimeout(() => {
      const now = Date.now();
      // Timers run on another clock and may be early by this one.
      if (now < target) return wait(target);
      tick(tickTime(target, now));
      wait(nextMinute(now));
    }, target - Date.now());
  };
  tick(Date.now());
  wait(nextMinute(Date.now()));
  return () => clearTimeout(timer);
}
