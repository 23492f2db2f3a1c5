import { BoundedMap } from "../../../../shared/bounded-map.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { parseVerifyingKey, type VerifyingKey } from "../../../../shared/signing/secret.ts";
import { HEADER, verify } from "../../../../shared/signing/signature.ts";
import { idFault, parseTimestamp, rejected, TOLERANCE_SECONDS, timestampFault } from "./rules.ts";
import type { Scheme } from "./scheme.ts";

/** Standard Webhooks, under its own header names or a provider's. */

type HeaderNames = { id: string; timestamp: string; signature: string };

/**
 * Returns the scheme of Standard Webhooks, "Verifying webhook authenticity": `v1` and `v1a` signatures, any entry under
 * any secret. `names` are the three headers, `headers` others that hold the event's type or a secret.
 */
export function standardScheme(names: HeaderNames, headers: Pick<Scheme, "typeHeader" | "secretHeaders"> = {}): Scheme {
  return {
    verification: "verified",
    signedId: true,
    ...headers,
    signatureHeaders: [names.signature],
    timestampOf: (request) => parseTimestamp(request.headers.get(names.timestamp) ?? "", "s"),

    async verify({ headers: given, body }, secrets, now) {
      const keys = secrets.map(keyOf);
      if (keys.length === 0) throw new ConfigError("no secret is configured");
      const id = given.get(names.id);
      const timestamp = given.get(names.timestamp);
      const signature = given.get(names.signature);
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

export const standard = standardScheme(HEADER);

/** Svix, "Verifying Webhooks: How to Verify Webhooks Manually": under Svix's names, as Clerk and Resend send it. */
export const svix = standardScheme({ id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" });

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
