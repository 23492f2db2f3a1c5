/** Counts the rows that the Durable Objects of one Worker write and read, as they are billed. */

const rows = { written: 0, read: 0 };
/** The newest statement's cursor, which knows its rows once it was read to its end. */
let newest = { rowsWritten: 0, rowsRead: 0 };
let wrapped = false;

/** Wraps the storage of all objects: a statement counts the rows that it writes, an alarm is one row. */
export function countRows(storage: DurableObjectStorage): void {
  if (wrapped) return;
  wrapped = true;
  const sql = Object.getPrototypeOf(storage.sql) as SqlStorage;
  const alarms = Object.getPrototypeOf(storage) as DurableObjectStorage;
  const { exec } = sql;
  const { setAlarm } = alarms;
  sql.exec = function (this: SqlStorage, ...call: Parameters<typeof exec>) {
    const cursor = exec.apply(this, call);
    rows.written += newest.rowsWritten;
    rows.read += newest.rowsRead;
    newest = cursor;
    return cursor;
  } as typeof exec;
  alarms.setAlarm = function (this: DurableObjectStorage, ...call: Parameters<typeof setAlarm>) {
    rows.written += 1;
    return setAlarm.apply(this, call);
  };
}

/** Returns the rows written since the first object started. */
export function rowsWritten(): number {
  return rows.written + newest.rowsWritten;
}

/** Returns the rows read since the first object started. */
export function rowsRead(): number {
  return rows.read + newest.rowsRead;
}
