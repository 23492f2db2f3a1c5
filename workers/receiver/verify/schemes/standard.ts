import { BoundedMap } from "../../../../shared/bounded-map.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { parseVerifyingKey, type VerifyingKey } from "../../../../shared/signing/secret.ts";
import { HEADER, verify } from "../../../../shared/signing/signature.ts";
import { idFault, parseTimestamp, rejected, TOLERANCE_SECONDS, timestampFault } from "./rules.ts";
import type { Scheme } from "./scheme.ts";

/** Standard Webhooks, under its own header names or a provider's. */

type HeaderNames = { id: string; timestamp: string; signature: string };

const SVIX: HeaderNames = { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };

type StandardOptions = Pick<Scheme, "typeHeader" | "secretHeaders"> & { instead?: HeaderNames };

/**
 * Returns the scheme of Standard Webhooks, "Verifying webhook authenticity": `v1` and `v1a` signatures, any entry under
 * any secret. `names` are the three headers, `instead` the names that are read where none of these is there, `headers`
 * others that hold the event's type or a secret.
 */
export function standardScheme(names: HeaderNames, { instead, ...headers }: StandardOptions = {}): Scheme {
  const sets = instead === undefined ? [names] : [names, instead];
  const namesIn = (given: Headers) => sets.find((set) => Object.values(set).some((name) => given.has(name))) ?? names;
  return {
    verification: "verified",
    signedId: true,
    ...headers,
    signatureHeaders: sets.map(({ signature }) => signature),
    timestampOf: ({ headers: given }) => parseTimestamp(given.get(namesIn(given).timestamp) ?? "", "s"),

    async verify({ headers: given, body }, secrets, now) {
      const keys = secrets.map(keyOf);
      if (keys.length === 0) throw new ConfigError("no secret is configured");
      const found = namesIn(given);
      const [id, timestamp, signature] = [given.get(found.id), given.get(found.timestamp), given.get(found.signature)];
      const fault =
        idFault(id, { signed: true }) ??
        timestampFault(timestamp, now, { unit: "s", windowSeconds: TOLERANCE_SECONDS }) ??
        (signature === null || signature === "" ? "signature_missing" : null);
      if (fault !== null || id === null || signature === null) return rejected(fault ?? "signature_missing");
      const message = { id, timestamp: Number(timestamp), body };
      if (!(await verify(message, signature, keys))) return rejected("signature_mismatch");
      return { ok: true, id, timestamp: message.timestamp };
    },
  };
}

/** Many senders of Standard Webhooks are Svix, which uses either name. */
export const standard = standardScheme(HEADER, { instead: SVIX });

/** Svix, "Verifying Webhooks: How to Verify Webhooks Manually": under Svix's names, as Clerk and Resend send it. */
export const svix = standardScheme(SVIX);

// Parsed once: the imported key is kept with the parsed one. No Worker has so many secrets.
const parsedKeys = new BoundedMap<string, VerifyingKey>(100);

function keyOf(secret: string): VerifyingKey {
  const before = parsedKeys.get(secret);
  if (before !== undefined) return before;
  const parsed = parseVerifyingKey(secret);
  if (!parsed.ok)
    throw new ConfigError(
      `a secret is ${parsed.problem.replace("_", " ")}: it must be \`whsec_\` and base64 of 24 bytes or more, or a \`whpk_\` key`,
    );
  parsedKeys.set(secret, parsed.key);
  return parsed.key;
}
