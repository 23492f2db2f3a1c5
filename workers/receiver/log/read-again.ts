import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";

const RETRY_AFTER_SECONDS = "5";

/**
 * Reads once more when the log's object went away meanwhile: a deploy, a move or a crash fails the call that it
 * interrupts, though the next life answers at once. `read` takes a stub of its own each time, as the old one stays
 * broken, and changes nothing. An object that has too much to do is not asked again: that would be more of it.
 *
 * @throws Problem `log_unavailable` then, and when the second read fails in the same way; whatever else `read` throws,
 * at once.
 */
export async function readAgain<Found>(read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (!isInterruption(error)) throw unavailableOr(error);
    logEvent("log.read_again", { error: String(error) });
  }
  return read().catch((error: unknown) => {
    throw unavailableOr(error);
  });
}

type PlatformError = Error & { durableObjectReset?: boolean; retryable?: boolean; overloaded?: boolean };

/** The error itself when it is not the platform's word of an object that cannot answer now. */
function unavailableOr(error: unknown): unknown {
  if (!isInterruption(error) && !isOverload(error)) return error;
  return new Problem("log_unavailable", "The log's object went away or has too much to do; ask again.", {
    headers: { "retry-after": RETRY_AFTER_SECONDS },
  });
}

/** What the platform marks of a call that failed with its object, not by the object's own doing. */
function isInterruption(error: unknown): boolean {
  if (!(error instanceof Error) || isOverload(error)) return false;
  const { durableObjectReset, retryable }: PlatformError = error;
  return durableObjectReset === true || retryable === true;
}

function isOverload(error: unknown): boolean {
  return error instanceof Error && (error as PlatformError).overloaded === true;
}
