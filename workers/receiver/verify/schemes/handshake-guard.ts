import { fromUtf8 } from "../../../../shared/bytes.ts";
import { isSignedChallenge } from "./handshake-row.ts";
import { rejected } from "./rules.ts";
import type { Scheme } from "./scheme.ts";

/**
 * A scheme beside a handshake that signs a text for anyone who asks: X's `crc_token` is such a one. What it signs must
 * never pass for an event.
 */

/** Returns the scheme without the requests whose body could be a challenge that was signed for a stranger. */
export function hmacOracleGuard(scheme: Scheme): Scheme {
  return {
    ...scheme,
    async verify(request, secrets, now) {
      const verdict = await scheme.verify(request, secrets, now);
      const text = fromUtf8(request.body);
      return verdict.ok && text !== null && isSignedChallenge(text) ? rejected("signature_mismatch") : verdict;
    },
  };
}
