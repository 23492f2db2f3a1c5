import type { Verification } from "../../event/record.ts";
import type { QuestionReason, RejectReason } from "./reasons.ts";
import type { HmacRow } from "./row.ts";

/** One way of proving who sent a request. Every provider is one value of this type; `index.ts` is their table. */
export type Scheme = {
  /** What a record of this scheme says about how it was checked. */
  verification: Verification;
  /** Whether the proof covers the id: only then may the id alone make a request a duplicate. */
  signedId: boolean;
  /**
   * Whether the proof covers the URL: then a source must say which URL the provider calls. `called`: with the
   * query that the request came with; `configured`: as it stands there.
   */
  signedUrl?: "called" | "configured";
  /** Whether the secrets are public keys: whoever signs holds another, and verifying costs more. */
  publicKey?: true;
  /** Headers that carry the secret itself, lower case: masked before anything is stored. */
  secretHeaders?: readonly string[];
  /** Headers that carry the proof, lower case: they are for us alone, and never sent on. */
  signatureHeaders?: readonly string[];
  /** The field of a JSON body that names the event's type, where it is called neither `type` nor `event`. */
  typeField?: string;
  /** The header that names it, where the body does not. */
  typeHeader?: string;
  /** How the provider asks whether we are there. */
  handshake?: Handshake;
  /** How it signs, where that is a row's HMAC: who has the secret can sign an example. */
  row?: HmacRow;
  /** What is answered to an event in place of a text, where the provider would show or send that to people. */
  answer?: { contentType: string; body: string };
  /** When the request says that it was signed, in unix seconds, proven or not; null when it does not say. */
  timestampOf?(request: SignedRequest): number | null;
  /**
   * `now` in unix seconds. No request makes it throw or accept without proof.
   *
   * @throws ConfigError when a secret is missing, empty, too short or malformed: nothing may be accepted then.
   */
  verify(request: SignedRequest, secrets: string[], now: number): Promise<Verdict>;
};

/** What a proof can cover; `body` holds the exact bytes received. */
export type SignedRequest = { method: string; url: string; headers: Headers; body: Uint8Array };

/** `id` and `timestamp` (unix seconds) as the sender gave them, null where the scheme has none. */
export type Verdict = { ok: true; id: string | null; timestamp: number | null } | { ok: false; reason: RejectReason };

/** A provider's question whether we are there, which is no event. */
export type Handshake = {
  method: "GET" | "POST";
  /** Whether the provider signs the question: then it is answered only after verification. */
  signed: boolean;
  /** Which secrets it is answered with: the source's, none, or one of its own (`handshakeSecret`). */
  secret: "source" | "none" | "own";
  /** Null when the request is no such question. No request makes it throw. */
  answer(request: SignedRequest, secrets: string[]): Promise<HandshakeAnswer | null>;
  /** Why there was no answer to a request that nothing signs, where there is more than one reason. */
  refusal?(request: SignedRequest, secrets: string[]): Promise<QuestionReason>;
};

/** Without a body with status 204, else with 200. */
export type HandshakeAnswer = { contentType: "text/plain" | "application/json"; body: string | null };
