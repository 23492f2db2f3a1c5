/** The clock of `npm start`: `wrangler dev` never fires a cron by itself. */

const MINUTE_MS = 60_000;
/** A timer this late means that the machine slept or stood still. */
const LATE_MS = 1000;

/**
 * Returns the cron's scheduled time for a timer that was set for `target` and fired at `now`. Normally that is the
 * exact minute, so that two ticks leave no gap between them. After a sleep it is `now`, so that the missed minutes
 * do not come in a burst.
 */
export function tickTime(target: number, now: number): number {
  return now - target > LATE_MS ? now : target;
}

/** Returns the next full minute after `now`; both in unix milliseconds. */
export function nextMinute(now: number): number {
  return (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
}

/**
 * Calls `fire` at once and then on each minute. An error of `fire` goes to `report`, and the clock goes on.
 *
 * @returns a function that stops the clock
 */
export function startClock(fire: (time: number) => Promise<void>, report: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout;
  const tick = (time: number) => void fire(time).catch(report);
  const wait = (target: number) => {
    timer = setTimeout(() => {
      const now = Date.now();
      // Timers run on another clock, so one may fire early by this one.
      if (now < target) return wait(target);
      tick(tickTime(target, now));
      wait(nextMinute(now));
    }, target - Date.now());
  };
  tick(Date.now());
  wait(nextMinute(Date.now()));
  return () => clearTimeout(timer);
}
