/**
 * Failures as RFC 9457 problem+json. This table leads from the stable `code` to status and title; a `detail` says what
 * was wrong with the request and what to do. Nothing else in the project builds an error response.
 */
export const problems = {
  bad_request: [400, "Bad request"],
  invalid_json: [400, "The body is not valid JSON"],
  invalid_event: [422, "The event is not valid"],
  invalid_endpoint: [422, "The endpoint is not valid"],
  invalid_input: [422, "The input is not valid"],
  not_delivered: [409, "There is nothing to deliver again"],
  endpoint_disabled: [409, "The endpoint is disabled"],
  replay_running: [409, "Another replay is under way"],
  defined_by_variable: [409, "A variable defines this"],
  too_many_secrets: [409, "Too many secrets sign at once"],
  invalid_cursor: [400, "The cursor is not valid"],
  invalid_parameter: [400, "A query parameter is not valid"],
  invalid_signature: [401, "The signature could not be verified"],
  token_required: [401, "An API token is required"],
  token_wrong: [401, "The API token is wrong"],
  too_many_failures: [429, "Too many failed attempts"],
  cross_site: [403, "The request comes from another site"],
  not_found: [404, "Not found"],
  unknown_source: [404, "Unknown source"],
  method_not_allowed: [405, "Method not allowed"],
  forward_secret_unset: [409, "There is no secret to sign with"],
  invalid_forward: [422, "The event cannot be sent there"],
  id_conflict: [422, "The id was used before with other content"],
  event_cancelled: [409, "The event was cancelled"],
  event_released: [409, "The event is in the log already"],
  still_rejected: [409, "The request is still rejected"],
  cursor_ahead: [409, "The cursor is beyond the head of the log"],
  upgrade_required: [426, "A WebSocket is required"],
  too_many_tests: [429, "Too many tests"],
  alerts_off: [409, "There is nobody to alert"],
  body_timeout: [408, "The body did not arrive in time"],
  body_too_large: [413, "The body is too large"],
  unsupported_media_type: [415, "The content type is not supported"],
  internal_error: [500, "Internal error"],
  configuration_error: [500, "The Worker is not configured correctly"],
  storage_unavailable: [503, "The event could not be stored"],
  storage_full: [503, "The storage is full"],
  segment_unavailable: [503, "A part of the log cannot be read right now"],
  log_unavailable: [503, "The log is not available right now"],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problems;

/** A failure for the client: routes and middleware throw it, `onError` answers it. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly extra: Record<string, unknown>;
  readonly headers: Record<string, string>;

  /** `extra` are members beside `code` in the answer, `headers` its headers. */
  constructor(
    code: ProblemCode,
    detail: string,
    more: { extra?: Record<string, unknown>; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.code = code;
    this.extra = more.extra ?? {};
    this.headers = more.headers ?? {};
  }
}

/** Returns the Problem that an error was before it crossed a call between Workers or objects; null if it was none. */
export function problemOf(error: Error & { code?: unknown; extra?: object; headers?: object }): Problem | null {
  if (error instanceof Problem) return error;
  const { name, message, code, extra, headers } = error;
  if (name !== "Problem" || typeof code !== "string" || !Object.hasOwn(problems, code)) return null;
  return new Problem(code as ProblemCode, message, { extra: { ...extra }, headers: { ...headers } });
}

/** Returns the answer for a Problem. */
export function problemResponse(problem: Problem): Response {
  const [status, title] = problems[problem.code];
  const body = { type: "about:blank", title, status, detail: problem.message, code: problem.code, ...problem.extra };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...problem.headers },
  });
}
