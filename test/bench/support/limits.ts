/** Limits of measurements: `npm run bench` fails when a value is beyond its limit. */

export type Limit = { what: string; value: number; unit?: string } & ({ atLeast: number } | { atMost: number });

/** Returns one line for each limit that is not met; NaN meets none. */
export function missedOf(limits: readonly Limit[]): string[] {
  return limits.filter((limit) => !isMet(limit)).map((limit) => `${limit.what}: ${textOf(limit)}`);
}

/** Returns the value beside its limit. */
export function textOf(limit: Limit): string {
  const { value, unit = "" } = limit;
  const bound = "atLeast" in limit ? `at least ${limit.atLeast}` : `at most ${limit.atMost}`;
  return `${Number(value.toFixed(2))}${unit} (${bound}${unit} is wanted)`;
}

function isMet(limit: Limit): boolean {
  return "atLeast" in limit ? limit.value >= limit.atLeast : limit.value <= limit.atMost;
}
