/**
 * Which endpoint gets which event, as the SQL condition that the log is read with: an endpoint that wants
 * nothing of a batch is then never woken for it. The log's table is `ev` in it: json_each has a `type` too.
 */

/** `types`: exact names or `prefix.*`; null takes all that is not reserved. */
export type Filter = { endpointId: string; types: readonly string[] | null };

export type Condition = { sql: string; params: string[] };

/** Reserved types go only to endpoints that name them: they are about the sender, not from its publisher. */
const NOT_RESERVED = "NOT (ev.type GLOB 'webhook.*' OR ev.type GLOB 'endpoint.*' OR ev.type GLOB 'delivery.*')";

/**
 * `target` in the log: null for all; `+ep` for that endpoint alone, whatever its types; `-ep` for all but it.
 */
export function conditionOf({ endpointId, types }: Filter): Condition {
  const byType = typeCondition(types);
  return {
    sql: `(ev.target = ? OR ((ev.target IS NULL OR (ev.target GLOB '-*' AND ev.target <> ?)) AND ${byType.sql}))`,
    params: [`+${endpointId}`, `-${endpointId}`, ...byType.params],
  };
}

function typeCondition(types: readonly string[] | null): Condition {
  if (types === null) return { sql: NOT_RESERVED, params: [] };
  const exact = types.filter((type) => !type.endsWith(".*"));
  const prefixes = types.filter((type) => type.endsWith(".*"));
  // json_each: one parameter however many types there are, below SQLite's limits on terms and parameters.
  return {
    sql: `(ev.type IN (SELECT value FROM json_each(?)) OR EXISTS (SELECT 1 FROM json_each(?) AS wanted WHERE ev.type GLOB wanted.value))`,
    params: [JSON.stringify(exact), JSON.stringify(prefixes)],
  };
}

/** The same decision as `conditionOf`, for one event in memory. */
export function wants(
  { endpointId, types }: Filter,
  { type, target }: { type: string; target: string | null },
): boolean {
  if (target !== null && target === `+${endpointId}`) return true;
  return (target === null || (target.startsWith("-") && target !== `-${endpointId}`)) && wantsType(types, type);
}

/** Whether an endpoint with these types wants an event of this type, published to all. */
export function wantsType(types: readonly string[] | null, type: string): boolean {
  if (types === null) return !/^(webhook|endpoint|delivery)\./.test(type);
  return types.some((wanted) => (wanted.endsWith(".*") ? type.startsWith(wanted.slice(0, -1)) : wanted === type));
}
