import { type Bytes, fromBase64, toBase64, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { MAX_SIGNATURES } from "../../../../shared/signing/signature.ts";
import { hmacAlgorithm } from "./hmac.ts";
import { coveredComponents, type SignatureInput, signatureBase, signatureInputs } from "./message-components.ts";
import { publicKeyAlgorithm } from "./public-key.ts";
import type { MessageSignatureRow } from "./row.ts";
import { windowOf } from "./row.ts";
import { idFault, type RejectReason, rejected, timestampFault } from "./rules.ts";
import type { Scheme, SignedRequest, Verdict } from "./scheme.ts";

/** Schemes of RFC 9421, HTTP Message Signatures: the body is proven by a digest header that is signed itself. */

const MESSAGE_ALGORITHMS = {
  "hmac-sha256": (key: MessageSignatureRow["key"]) => hmacAlgorithm({ digest: "sha256", ...(key && { key }) }),
  ed25519: () => publicKeyAlgorithm("ed25519"),
  "ecdsa-p256-sha256": () => publicKeyAlgorithm("p256", "sha256"),
  "rsa-v1_5-sha256": () => publicKeyAlgorithm("rsa", "sha256"),
  "rsa-pss-sha512": () => publicKeyAlgorithm("rsa_pss", "sha512"),
};

/** Longer headers hold no signature of a webhook. */
const MAX_HEADER_LENGTH = 8192;

/** Returns the scheme of a row. */
export function messageSignatureScheme(row: MessageSignatureRow): Scheme {
  const { algorithm, key, keyIds = [], covers = [], idHeader, typeHeader, typeField } = row;
  const { keyOf, signature: signatureOf, verify } = MESSAGE_ALGORITHMS[algorithm](key);
  return {
    verification: "verified",
    signedId: idHeader !== undefined && covers.includes(idHeader),
    signatureHeaders: ["signature", "signature-input"],
    ...(algorithm === "hmac-sha256" ? {} : { publicKey: true as const }),
    ...(typeHeader === undefined ? {} : { typeHeader }),
    ...(typeField === undefined ? {} : { typeField }),

    async verify(request, secrets, now) {
      if (secrets.length === 0) throw new ConfigError("no secret is configured");
      const keys = await Promise.all(secrets.map(keyOf));
      const [inputs, given] = ["signature-input", "signature"].map((name) => request.headers.get(name) ?? "");
      if (!inputs || !given) return rejected("signature_missing");
      if (inputs.length > MAX_HEADER_LENGTH || given.length > MAX_HEADER_LENGTH) return rejected("signature_malformed");
      let reason: RejectReason = "signature_malformed";
      for (const input of signatureInputs(inputs, given).slice(0, MAX_SIGNATURES)) {
        const signature = signatureOf(fromBase64(input.signature) ?? new Uint8Array());
        const fault = faultIn(input, row, now) ?? (signature === null ? "signature_malformed" : null);
        const base = fault === null ? await provenBase(input, request, covers) : null;
        reason = fault ?? (base === null ? "signature_malformed" : "signature_mismatch");
        if (signature === null || base === null) continue;
        // A key with another name did not sign this. Where secrets are tried one by one, names say nothing.
        const named = keyIds.length === keys.length ? keys.filter((_key, at) => keyIds[at] === input.keyId) : keys;
        for (const each of named)
          if (await verify(each, signature, base)) return acceptedInput(input, base, request, idHeader);
      }
      return rejected(reason);
    },
  };
}

function acceptedInput(
  { created }: SignatureInput,
  base: Bytes,
  { headers }: SignedRequest,
  idHeader: string | undefined,
): Verdict {
  const id = idHeader === undefined ? null : headers.get(idHeader);
  const fault = idFault(id, { signed: false });
  if (fault !== null) return rejected(fault);
  return created === null
    ? { ok: true, id, timestamp: null }
    : { ok: true, id, timestamp: Number(created), dated: base };
}

function faultIn(
  { created, expires, algorithm }: SignatureInput,
  row: MessageSignatureRow,
  now: number,
): RejectReason | null {
  if (algorithm !== null && algorithm !== row.algorithm) return "signature_mismatch";
  if (expires !== null && Number(expires) < now) return "timestamp_too_old";
  const windowSeconds = windowOf(row);
  if (created === null && windowSeconds === null) return null;
  return timestampFault(created, now, { unit: "s", windowSeconds });
}

/** Returns the signed bytes, if they cover the body and all that the row asks for; null if not. */
async function provenBase(
  input: SignatureInput,
  request: SignedRequest,
  covers: readonly string[],
): Promise<Bytes | null> {
  const components = coveredComponents(input.components);
  if (components === null || !covers.every((name) => components.some((each) => each.name === name))) return null;
  const named = (name: string) => components.some((each) => each.name === name);
  const digests = ["content-digest", "digest"].filter(named);
  for (const name of digests) if (!(await isDigestOf(request.headers.get(name) ?? "", request.body))) return null;
  if (digests.length === 0 && request.body.byteLength > 0) return null;
  const base = signatureBase(components, input.params, request);
  return base === null ? null : utf8(base);
}

const DIGEST_NAMES: Record<string, string> = { "sha-256": "SHA-256", "sha-512": "SHA-512" };

/** Tells whether a digest header (RFC 9530, or RFC 3230 without colons) has a digest of the body, and no wrong one. */
async function isDigestOf(header: string, body: Uint8Array): Promise<boolean> {
  const entries = header.split(",", MAX_SIGNATURES).map((entry) => entry.trim());
  let known = 0;
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const hash = DIGEST_NAMES[entry.slice(0, Math.max(equals, 0)).toLowerCase()];
    if (hash === undefined) continue;
    const digest = toBase64(new Uint8Array(await crypto.subtle.digest(hash, body as Bytes)));
    if (entry.slice(equals + 1).replace(/^:(.*):$/, "$1") !== digest) return false;
    known++;
  }
  return known > 0;
}
