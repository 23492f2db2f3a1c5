import type { PeriodTable } from "../../../shared/durable/period-tables.ts";
import type { Sql } from "../../../shared/durable/sql.ts";
import { typeChosen } from "../../../shared/event-type.ts";
import type { DeliveryState } from "../model/delivery.ts";
import type { DeliveryFilter, DeliveryPart } from "../protocol.ts";
import { DELIVERY_COLUMNS_WITHOUT_BODY, type StoredDelivery, toDelivery } from "./deliveries.ts";

/** Searches an Endpoint's rows for those who ask about the deliveries of many endpoints. Reads only. */

/** Rows that one search looks at. */
const LOOKED_ROWS = 10_000;

type FindQuery = DeliveryFilter & { before: number | null; limit: number };

/** Returns deliveries below `before` without their bodies, the newest first, from the newest 10,000 rows there. */
export function findDeliveries(sql: Sql, tables: readonly PeriodTable[], query: FindQuery): DeliveryPart {
  const { state, status, type, since, until, before, limit } = query;
  const deliveries: DeliveryPart["deliveries"] = [];
  let left = LOOKED_ROWS;
  for (const { name } of tables.toReversed()) {
    const { n, last } = lookedAt(sql, name, before, left);
    if (last === null) continue;
    const rows = sql.run<StoredDelivery>(
      `SELECT ${DELIVERY_COLUMNS_WITHOUT_BODY} FROM ${name} AS del WHERE seq >= ?1 AND (?2 IS NULL OR seq < ?2)
         AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR ${typeChosen("del.type", "?4")})
         AND (?5 IS NULL OR attempts ->> '$[#-1].status' BETWEEN ?5 AND ?6)
         AND (?7 IS NULL OR attempts ->> '$[#-1].at' >= ?7) AND (?8 IS NULL OR attempts ->> '$[#-1].at' < ?8)
       ORDER BY seq DESC LIMIT ?9`,
      ...[last, before, state, type, status?.min ?? null, status?.max ?? null, since, until, limit - deliveries.length],
    );
    deliveries.push(...rows.map(toDelivery));
    if (deliveries.length >= limit) return { deliveries, last: deliveries.at(-1)?.seq ?? last };
    left -= n;
    if (left <= 0) return { deliveries, last };
  }
  return { deliveries, last: 0 };
}

/** Returns how many rows of a table a search looks at, and the last of them; null for none. */
function lookedAt(sql: Sql, table: string, before: number | null, limit: number): { n: number; last: number | null } {
  const [looked] = sql.run<{ n: number; last: number | null }>(
    `SELECT count(*) AS n, min(seq) AS last FROM
       (SELECT seq FROM ${table} WHERE ?1 IS NULL OR seq < ?1 ORDER BY seq DESC LIMIT ?2)`,
    ...[before, limit],
  );
  return looked ?? { n: 0, last: null };
}

/** Returns the states of the rows of these seqs. */
export function statesOf(
  sql: Sql,
  tables: readonly PeriodTable[],
  seqs: readonly number[],
): Map<number, DeliveryState> {
  const asked = JSON.stringify(seqs);
  const rows = tables.flatMap(({ name }) =>
    sql.run<{ seq: number; state: string }>(
      `SELECT seq, state FROM ${name} WHERE seq IN (SELECT value FROM json_each(?))`,
      asked,
    ),
  );
  return new Map(rows.map(({ seq, state }) => [seq, state as DeliveryState]));
}
