import { Problem } from "../../shared/problem.ts";
import { logEvent } from "../../shared/telemetry.ts";

const RETRY_AFTER_SECONDS = "5";

/**
 * Reads once more when the log's object went away meanwhile: a deploy, a move or a crash fails the call that it
 * interrupts, though the next life answers at once. `read` takes a stub of its own each time, as the old one stays
 * broken, and changes nothing.
 *
 * @throws Problem `log_unavailable` when that fails in the same way; whatever else `read` throws, at once.
 */
export async function readAgain<Found>(read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (!isInterruption(error)) throw error;
    logEvent("log.read_again", { error: String(error) });
  }
  return read().catch((error: unknown) => {
    if (!isInterruption(error)) throw error;
    throw new Problem("log_unavailable", "The log's object went away while it was read; ask again.", {
      headers: { "retry-after": RETRY_AFTER_SECONDS },
    });
  });
}

/** What the platform marks of a call that failed with its object, not by the object's own doing. */
function isInterruption(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { durableObjectReset, retryable, overloaded } = error as Error & {
    durableObjectReset?: boolean;
    retryable?: boolean;
    overloaded?: boolean;
  };
  return overloaded !== true && (durableObjectReset === true || retryable === true);
}
