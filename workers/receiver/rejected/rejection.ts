import type { HeaderList } from "../event/headers.ts";
import type { RequestLine } from "../event/request-line.ts";
import type { HandshakeReason, RejectReason } from "../verify/schemes/rules.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";
import type { Diagnosis } from "./diagnosis/diagnosis.ts";

/** A rejected request, as it comes and as it is kept. */

/**
 * A request that was not accepted. `source`: null if it belongs to none; `bytes`: the body's length, null if it was not
 * read to its end.
 */
export type UnacceptedRequest = {
  source: Source | null;
  request: SignedRequest;
  reason: Rejection["reason"];
  bytes: number | null;
};

/** Reasons that requests are rejected for before their body was read to the end. */
export const UNREAD_REASONS = ["unknown_source", "method_not_allowed", "body_too_large", "body_timeout"] as const;
export type UnreadReason = (typeof UNREAD_REASONS)[number];

/**
 * A rejected request as it is kept. `source`: null where its path names none, or its method suits none; `bytes`: the
 * body's length, null if not read to its end; `at` in unix milliseconds.
 */
export type Rejection = RequestLine & {
  at: number;
  source: string | null;
  reason: RejectReason | HandshakeReason | UnreadReason | "configuration_error";
  diagnosis: Diagnosis | null;
  headers: HeaderList;
  bytes: number | null;
};
