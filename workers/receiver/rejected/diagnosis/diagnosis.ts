import type { Scheme } from "../../verify/schemes/scheme.ts";

/** Words of a diagnosis: why a request was rejected, as far as that is known. */

type DiagnosisCode =
  | "stale"
  | "early"
  | "secret_white_space"
  | "secret_undecoded"
  | "secret_of_other_source"
  | "other_source"
  | "other_name"
  | "signature_encoding"
  | "other_url"
  | "token_elsewhere"
  | "field_order"
  | "query_encoding"
  | `body_${BodyChange}`
  | "unknown_key"
  | "partly_tried"
  | "wrong_secret"
  | "wrong_scheme"
  | "forged"
  | "configuration_error"
  | "not_examined";

export type Diagnosis = { code: DiagnosisCode; text: string };

/** Source that the request was sent to, and the others that could have been meant. */
export type Suspects = {
  scheme: Scheme;
  secrets: readonly string[];
  others: readonly { name: string; scheme: Scheme; secrets: readonly string[] }[];
};

/** Diagnosis of a request beyond the rate that is examined. */
export const NOT_EXAMINED: Diagnosis = {
  code: "not_examined",
  text: "too many requests were rejected at that time to examine each one",
};

/** Change of a body on the way here, as a matching signature proves it. */
export type BodyChange =
  | "newline"
  | "reserialised"
  | "line_ends"
  | "byte_order_mark"
  | "trimmed"
  | "charset"
  | "base64"
  | "quoted"
  | "form_encoding"
  | "html_escaped"
  | "normalised"
  | "compressed"
  | "not_signed";
