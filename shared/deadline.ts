/**
 * Returns a call's result, or rejects after `ms` milliseconds. The call itself goes on: use this only where a late end
 * does no harm.
 */
export async function withDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const error = new Error(`no answer within ${ms} ms`);
  const timer = setTimeout(() => late.reject(error), ms);
  try {
    return await Promise.race([call, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
