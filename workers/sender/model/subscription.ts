/**
 * Which endpoint gets which event, as the SQL condition that the log is read with: an endpoint that wants
 * nothing of a batch is then never woken for it. The log's table is `ev` in it: json_each has a `type` too.
 */

/** Exact names or `prefix.*`; null takes all that is not reserved. */
export type Types = readonly string[] | null;

/** The types that an endpoint had while the log grew up to `upTo`. */
export type EarlierTypes = { upTo: number; types: Types };

/**
 * `earlier`, in order of `upTo`: what was published before a change of `types` must have been wanted then, too. Or an
 * endpoint that looks at the log again after a restart would be sent what it had not asked for in its time.
 */
export type Subscription = { endpointId: string; types: Types; earlier: readonly EarlierTypes[] };

/** Changes that are remembered; each is a part of the condition, which may have 100 parameters. */
const MAX_EARLIER = 20;

export type Condition = { sql: string; params: string[] };

/** Reserved types go only to endpoints that name them: they are about the sender, not from its publisher. */
const NOT_RESERVED = "NOT (ev.type GLOB 'webhook.*' OR ev.type GLOB 'endpoint.*' OR ev.type GLOB 'delivery.*')";

/**
 * `target` in the log: null for all; `+ep` for that endpoint alone, whatever its types; `-ep` for all but it.
 */
export function conditionOf({ endpointId, types, earlier }: Subscription): Condition {
  const [byType, byEarlier] = [typeCondition(types), earlierCondition(earlier)];
  return {
    sql: `(ev.target = ? OR ((ev.target IS NULL OR (ev.target GLOB '-*' AND ev.target <> ?)) AND ${byType.sql}${byEarlier.sql}))`,
    params: [`+${endpointId}`, `-${endpointId}`, ...byType.params, ...byEarlier.params],
  };
}

function earlierCondition(earlier: readonly EarlierTypes[]): Condition {
  if (earlier.length === 0) return { sql: "", params: [] };
  const conditions = earlier.map((each) => typeCondition(each.types));
  const cases = conditions.map(({ sql }, index) => `WHEN ev.seq <= ${earlier[index]?.upTo} THEN ${sql}`);
  return {
    sql: ` AND CASE ${cases.join(" ")} ELSE TRUE END`,
    params: conditions.flatMap(({ params }) => params),
  };
}

/** With the types that an endpoint has until now; those of events below `oldest` say nothing any more. */
export function withEarlier(
  earlier: readonly EarlierTypes[],
  types: Types,
  { oldest, head }: { oldest: number; head: number },
): EarlierTypes[] {
  const kept = earlier.filter(({ upTo }) => upTo >= oldest);
  if (head < oldest || kept.at(-1)?.upTo === head) return kept;
  return [...kept, { upTo: head, types }].slice(-MAX_EARLIER);
}

function typeCondition(types: Types): Condition {
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
  { endpointId, types, earlier }: Subscription,
  { seq, type, target }: { seq: number; type: string; target: string | null },
): boolean {
  if (target !== null && target === `+${endpointId}`) return true;
  if (target !== null && (!target.startsWith("-") || target === `-${endpointId}`)) return false;
  const then = earlier.find(({ upTo }) => seq <= upTo);
  return wantsType(types, type) && (then === undefined || wantsType(then.types, type));
}

/** Whether an endpoint with these types wants an event of this type, published to all. */
export function wantsType(types: Types, type: string): boolean {
  if (types === null) return !/^(webhook|endpoint|delivery)\./.test(type);
  return types.some((wanted) => (wanted.endsWith(".*") ? type.startsWith(wanted.slice(0, -1)) : wanted === type));
}
