/** The SQL of one Durable Object and its transactions. */

/** Runs the statements of one object, and counts the rows they write. */
export class Sql {
  readonly #sql: SqlStorage;
  /** Rows written since the object started, as they are billed: an alarm that is set is one. */
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Runs one statement and reads all its rows in this turn: an open cursor would make a DROP fail. */
  run<Row extends Record<string, SqlStorageValue>>(
    statement: string,
    ...params: (SqlStorageValue | Uint8Array)[]
  ): Row[] {
    const cursor = this.#sql.exec<Row>(statement, ...params);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  /** Size of the object's storage in bytes. */
  get bytes(): number {
    return this.#sql.databaseSize;
  }
}

/**
 * Runs `work` in one transaction. A rollback does not undo the object's memory: `reload` reads it from the tables again
 * before the error is thrown on.
 */
export function transact<Value>(storage: DurableObjectStorage, work: () => Value, reload: () => void): Value {
  try {
    return storage.transactionSync(work);
  } catch (error) {
    reload();
    throw error;
  }
}
