/** Why an unsigned question is not answered; `question_secret_unset`: it needs a `handshakeSecret`, and has none. */
export type QuestionReason = "question_malformed" | "question_token_mismatch" | "question_secret_unset";

export type RejectReason =
  | "id_missing"
  | "id_malformed"
  | "timestamp_missing"
  | "timestamp_malformed"
  | "timestamp_too_old"
  | "timestamp_too_new"
  | "signature_missing"
  | "signature_malformed"
  | "token_missing"
  | "token_mismatch"
  | "signature_mismatch";
