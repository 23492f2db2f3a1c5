/** A value of a line, or counts by name. */
type LogField = string | number | boolean | null | Readonly<Record<string, number>>;

/**
 * Logs one JSON object a line, for people who read `wrangler tail`. Fields carry ids and milliseconds, never a secret, a
 * token or an expected signature.
 */
export function logEvent(event: string, fields: Readonly<Record<string, LogField>>): void {
  console.log(JSON.stringify({ event, ...fields }));
}
