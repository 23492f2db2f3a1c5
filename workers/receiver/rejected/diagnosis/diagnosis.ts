import type { Scheme } from "../../verify/schemes/scheme.ts";

export type DiagnosisCode =
  | "stale"
  | "early"
  | "secret_white_space"
  | "secret_undecoded"
  | "secret_of_other_source"
  | "other_source"
  | "signature_encoding"
  | "other_url"
  | `body_${BodyChange}`
  | "unknown_key"
  | "wrong_secret"
  | "wrong_scheme"
  | "forged"
  | "configuration_error"
  | "not_examined";

export type Diagnosis = { code: DiagnosisCode; text: string };

/** What the request was sent to, and what else could have been meant. */
export type Suspects = {
  scheme: Scheme;
  secrets: readonly string[];
  others: readonly { name: string; scheme: Scheme; secrets: readonly string[] }[];
};

/** What the rate of examinations leaves out. */
export const NOT_EXAMINED: Diagnosis = {
  code: "not_examined",
  text: "too many requests were refused at that time to examine each",
};

/** What happened on the way, as far as a matching signature proves it. */
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
  | "not_signed";
