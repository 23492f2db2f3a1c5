/**
 * An object's SQL. Each statement is read to its end in the call that starts it: DROP TABLE fails while any cursor of
 * the object is open.
 */
export class InboxSql {
  readonly #sql: SqlStorage;
  /** Since this object woke: what the platform bills, alarms aside. */
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** What the object's storage holds, in bytes. */
  get size(): number {
    return this.#sql.databaseSize;
  }

  run<Row extends Record<string, SqlStorageValue>>(query: string, ...values: (SqlStorageValue | Uint8Array)[]): Row[] {
    const cursor = this.#sql.exec<Row>(query, ...values);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }
}
