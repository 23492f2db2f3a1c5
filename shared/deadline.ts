/**
 * Returns a call's result, or rejects after `ms` milliseconds with what `error` makes; an error costs its stack, so none is
 * made in time. The call itself goes on: use this only where a late end does no harm.
 */
export async function withDeadline<T>(
  call: Promise<T>,
  ms: number,
  error: () => Error = () => new Error(`no answer within ${ms} ms`),
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(error()), ms);
  try {
    return await Promise.race([call, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
