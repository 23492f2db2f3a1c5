import type { Bytes } from "../../../../shared/bytes.ts";
import type { Verification } from "../../event/record.ts";
import type { HmacRow } from "./row.ts";
import type { RejectReason } from "./rules.ts";

/** One way of proving who sent a request. Every provider is one value of this type; `index.ts` is their table. */
export type Scheme = {
  /** Strength of the check, which each record states. */
  verification: Verification;
  /** True if the proof covers the id: only then may the id alone make a request a duplicate. */
  signedId: boolean;
  /**
   * Set if the proof covers the URL: a source must then say which URL the provider calls. `called`: with the query that
   * the request came with; `configured`: exactly as configured.
   */
  signedUrl?: "called" | "configured";
  /** Set if the secrets are public keys: the sender signs with another key, and verifying costs more. */
  publicKey?: true;
  /** Headers that carry the secret itself, in lower case: masked before anything is stored. */
  secretHeaders?: readonly string[];
  /** Query parameters that carry the secret itself: masked in the query, and wherever a header repeats them. */
  secretParameters?: readonly string[];
  /** Headers that carry the proof, in lower case: the proof is for us alone, and is never sent on. */
  signatureHeaders?: readonly string[];
  /** Field of a JSON body that names the event's type, where that is called neither `type` nor `event`. */
  typeField?: string;
  /** Header that names the event's type, where the body does not. */
  typeHeader?: string;
  /** Handshakes of the provider, if it has any. */
  handshakes?: readonly HandshakeRow[];
  /** Methods that the provider delivers with, by default POST. */
  methods?: readonly string[];
  /** Row of an HMAC scheme: whoever has the secret can sign an example by it. */
  row?: HmacRow;
  /** Row of the source's table that describes this scheme, whatever its kind. */
  described?: object;
  /** Answer to an event, where the provider would show or send the usual text to people. */
  answer?: { contentType: string; body: string };
  /** Returns when the request claims to have been signed, in unix seconds, proven or not; null without a claim. */
  timestampOf?(request: SignedRequest): number | null;
  /**
   * Returns the verdict at `now`, in unix seconds. No request makes it throw, or accept without proof.
   *
   * @throws ConfigError when a secret is missing, empty, too short or malformed: nothing may be accepted then.
   */
  verify(request: SignedRequest, secrets: string[], now: number): Promise<Verdict>;
};

/** The parts of a request that a proof can cover; `body` holds the exact bytes received. */
export type SignedRequest = { method: string; url: string; headers: Headers; body: Uint8Array };

/**
 * `id` and `timestamp` (unix seconds) as the sender gave them, null where the scheme has none. `dated` is the signed
 * content, where a time is part of it.
 */
export type Verdict =
  | { ok: true; id: string | null; timestamp: number | null; dated?: Bytes }
  | { ok: false; reason: RejectReason };

/**
 * A provider's way to ask whether a URL is ours and alive, before it sends events there. Places are `query:name`,
 * `field:a.b` and `header:x-name`.
 */
export type HandshakeRow = {
  /** By default `POST`. */
  method?: "GET" | "POST";
  /** False: nobody signs the handshake. By default it is answered only after verification. */
  signed?: boolean;
  /** What the handshake has at its places: this text or number, anything (true) or nothing (false); `body` is all of the body. */
  when?: Record<string, string | number | boolean>;
  /** Template of the answer: each of its values must be there. Without it the answer is empty. */
  answer?: string;
  /** By default JSON where the answer looks so, else text. */
  contentType?: "text/plain" | "application/json";
  status?: 200 | 204;
  /** Place of a token that must be the source's `handshakeSecret`. */
  verifyToken?: string;
};

/** Answer to a handshake: with status 204 if `body` is null, else with 200. */
export type HandshakeAnswer = { contentType: "text/plain" | "application/json"; body: string | null };
