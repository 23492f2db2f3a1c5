/** The three rates at which events are published. Times are milliseconds of the consumers' own time. */

export type Phase = {
  name: string;
  /** The factor by which the phase is run faster; 1 is real time. */
  scale: number;
  /** From the start, ascending. */
  publishAt: number[];
  /** The length of the measurement, the last event's longest wait included. */
  lengthMs: number;
};

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** As long as the slowest poller waits. */
const SETTLE = 10 * SECOND;

const QUIET = { scale: 25, minutes: 20 };
const STEADY_SECONDS = 30;
const BURSTS = { count: 5, everyMs: 6 * SECOND, events: 50, spacingMs: 20 };

/**
 * Returns the three phases. Events come at random moments of their minute or second, so that none falls in step with a
 * poller. The rate of one event a minute is measured for twenty minutes, run 25 times faster.
 *
 * @param random from 0 to 1
 */
export function phases(random: () => number): Phase[] {
  const oneEach = (count: number, periodMs: number) =>
    Array.from({ length: count }, (_, index) => (index + random()) * periodMs);
  const bursts = Array.from({ length: BURSTS.count }, (_, burst) => {
    const begin = burst * BURSTS.everyMs + random() * (BURSTS.everyMs - BURSTS.events * BURSTS.spacingMs);
    return Array.from({ length: BURSTS.events }, (_, index) => begin + index * BURSTS.spacingMs);
  });
  return [
    {
      ...{ name: "one a minute", scale: QUIET.scale, publishAt: oneEach(QUIET.minutes, MINUTE) },
      lengthMs: QUIET.minutes * MINUTE + SETTLE,
    },
    {
      ...{ name: "one a second", scale: 1, publishAt: oneEach(STEADY_SECONDS, SECOND) },
      lengthMs: STEADY_SECONDS * SECOND + SETTLE,
    },
    {
      ...{ name: "bursts of 50 in a second", scale: 1, publishAt: bursts.flat() },
      lengthMs: BURSTS.count * BURSTS.everyMs + SETTLE,
    },
  ];
}
