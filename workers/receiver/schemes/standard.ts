import { ConfigError } from "../../../shared/config.ts";
import { parseVerifyingKey, type VerifyingKey } from "../../../shared/secret.ts";
import { HEADER, verify } from "../../../shared/signature.ts";
import type { RejectReason, Scheme } from "./scheme.ts";

/** How far the sender's clock and the way here may be off, in either direction, both ends included. */
const TOLERANCE_SECONDS = 300;

// A dot would let one signature stand for two readings of `id.timestamp.body`.
const ID = /^[\x20-\x2d\x2f-\x7e]{1,256}$/;

// No sign, leading zero or fraction: the text must be the one that was signed, once it has been a number.
const TIMESTAMP = /^[1-9]\d{0,14}$/;

/** Standard Webhooks, "Verifying webhook authenticity": `v1` and `v1a` signatures, any entry under any secret. */
export const standard: Scheme = {
  verification: "verified",
  signedId: true,

  async verify({ headers, body }, secrets, now) {
    const keys = secrets.map(keyOf);
    if (keys.length === 0) throw new ConfigError("no secret is configured");
    const id = headers.get(HEADER.id);
    const timestamp = Number(headers.get(HEADER.timestamp));
    const signature = headers.get(HEADER.signature);
    if (id === null || id === "") return rejected("id_missing");
    // Two headers of one name arrive joined by a comma and a space: which of them was signed cannot be told.
    if (!ID.test(id) || id.includes(", ")) return rejected("id_malformed");
    const fault = timestampFault(headers.get(HEADER.timestamp), now);
    if (fault !== null) return rejected(fault);
    if (signature === null || signature === "") return rejected("signature_missing");
    const genuine = await verify({ id, timestamp, body }, signature, keys);
    return genuine ? { ok: true, id, timestamp } : rejected("signature_mismatch");
  },
};

function timestampFault(text: string | null, now: number): RejectReason | null {
  if (text === null || text === "") return "timestamp_missing";
  if (!TIMESTAMP.test(text)) return "timestamp_malformed";
  if (Number(text) < now - TOLERANCE_SECONDS) return "timestamp_too_old";
  return Number(text) > now + TOLERANCE_SECONDS ? "timestamp_too_new" : null;
}

function keyOf(secret: string): VerifyingKey {
  const parsed = parseVerifyingKey(secret);
  if (parsed.ok) return parsed.key;
  throw new ConfigError(
    `a secret is ${parsed.problem}: it must be \`whsec_\` and base64 of 24 bytes or more, or a \`whpk_\` key`,
  );
}

function rejected(reason: RejectReason): { ok: false; reason: RejectReason } {
  return { ok: false, reason };
}
