/**
 * Runs `work` in one transaction. What the object holds in memory is not rolled back with the tables: `reload` reads
 * it from them again before the error is thrown on.
 */
export function transact<Value>(storage: DurableObjectStorage, work: () => Value, reload: () => void): Value {
  try {
    return storage.transactionSync(work);
  } catch (error) {
    reload();
    throw error;
  }
}
