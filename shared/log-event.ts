/**
 * Logs one JSON object a line, for people who read `wrangler tail`. Fields carry ids and milliseconds, never a secret, a
 * token or an expected signature.
 */
export function logEvent(event: string, fields: Record<string, string | number | boolean | null>): void {
  console.log(JSON.stringify({ event, ...fields }));
}
