/** The SQL of one Durable Object, with a count of what it writes. */
export class Sql {
  readonly #sql: SqlStorage;
  /** Rows written since the object started, as billed. */
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** One statement, read to its end in this turn: an open cursor would make a DROP fail. */
  run<Row extends Record<string, SqlStorageValue>>(statement: string, ...params: SqlStorageValue[]): Row[] {
    const cursor = this.#sql.exec<Row>(statement, ...params);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  get bytes(): number {
    return this.#sql.databaseSize;
  }
}
