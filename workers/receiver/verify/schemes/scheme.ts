import type { Bytes } from "../../../../shared/bytes.ts";
import type { Verification } from "../../event/record.ts";
import type { HmacRow } from "./row.ts";
import type { HandshakeReason, RejectReason } from "./rules.ts";

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
  /** Handshake of the provider, if it has one. */
  handshake?: Handshake;
  /** Row of an HMAC scheme: whoever has the secret can sign an example by it. */
  row?: HmacRow;
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

/** A provider's way to ask whether a URL is ours and alive, before it sends events there. */
export type Handshake = {
  method: "GET" | "POST";
  /** True if the provider signs the handshake, which is then answered only after verification. */
  signed: boolean;
  /** Secrets that the answer is made with: the source's, none, or one of its own (`handshakeSecret`). */
  secret: "source" | "none" | "own";
  /** Returns the answer, or null when the request is no such handshake. No request makes it throw. */
  answer(request: SignedRequest, secrets: string[]): Promise<HandshakeAnswer | null>;
  /** Returns why an unsigned request got no answer, where there is more than one reason. */
  fault?(request: SignedRequest, secrets: string[]): Promise<HandshakeReason>;
};

/** Answer to a handshake: with status 204 if `body` is null, else with 200. */
export type HandshakeAnswer = { contentType: "text/plain" | "application/json"; body: string | null };
