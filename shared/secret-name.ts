import { BoundedMap } from "./bounded-map.ts";

/** The names of headers and parameters whose values let someone in, wherever they come from. Pure. */

/** The text in the place of a secret value. */
export const MASK = "(masked)";

/** Parts of names that people give to headers and parameters with a token. */
const SECRET_NAME =
  /token|secret|passw|passphrase|credential|session|cookie|jwt|bearer|assertion|auth(?!or(?!i[sz]))|(api|access|auth|private|account|master|functions)[-_.]?key|(^|[-_.])(key|pwd|pass)$/;
/** Names that look so and hold no secret: of signatures, of ids of deliveries and keys, and of events. */
const PLAIN_NAME =
  /(signature|hmac|digest)[-_.]?(v?\d+|(sha|ed)\d+)?$|idempotency|websocket|public[-_.]?key|key[-_.]?(id|identifier|version)$|(^|[-_.])(event|message|issue|routing|partition|cache|surrogate|object)[-_.]key$|token[-_.]?type$/;

/** Names met before: the same few come with every request. */
const judgedNames = new BoundedMap<string, boolean>(500);
/** Longer names are a stranger's: they are not kept, and never plain. */
const MAX_NAME_LENGTH = 100;

/** Tells whether the value under a name is a secret, as far as the name can say, in upper or lower case. */
export function isSecretName(name: string): boolean {
  const before = judgedNames.get(name);
  if (before !== undefined) return before;
  const lower = name.toLowerCase();
  if (name.length > MAX_NAME_LENGTH) return SECRET_NAME.test(lower);
  const secret = SECRET_NAME.test(lower) && !PLAIN_NAME.test(lower);
  judgedNames.set(name, secret);
  return secret;
}
