import { Problem } from "../../../shared/http/problem.ts";
import { isoTime } from "../../../shared/time.ts";
import type { FirstOutcome } from "../model/delivery.ts";
import { DEFAULT_ENDPOINT, type EndpointConfig, settingsOf, unmaskedHeaders } from "../model/endpoint.ts";
import type { EndpointInput, Signing } from "../model/endpoint-input.ts";
import { versionOf } from "../model/endpoint-secrets.ts";
import type { Published } from "../model/event.ts";
import { looksOwn, randomId } from "../model/event-id.ts";
import { HEALTH_STATES, type HealthState } from "../model/health.ts";
import type { Changed, EndpointReport, EndpointView, ReportPage, StartFrom } from "../protocol.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";
import { freshSecrets, initialKeys } from "./secrets.ts";

/** Operations on endpoints, for the API and the dashboard. Each throws the Problem that says why it was not done. */

const DAY_SECONDS = 86_400;
const ENDPOINT_ID = /^ep_\w{1,64}$/;
/** A state's number and an id. */
const STATE_KEY = /^\d-ep_\w{1,64}$/;
const MAX_Q = 200;

/** @throws Problem `not_found` */
export async function knownEndpoint(env: Env, id: string): Promise<EndpointView> {
  const view = await outboxOf(env).endpoint(id);
  if (view === null || view.row.state !== "live") throw unknownEndpoint(id);
  return view;
}

/** Returns an endpoint with how it does. @throws Problem `not_found` */
export async function reportedEndpoint(env: Env, id: string): Promise<EndpointReport> {
  const report = await outboxOf(env).report(id);
  if (report === null) throw unknownEndpoint(id);
  return report;
}

/** The parts of a request that choose endpoints, as they came. */
export type AskedEndpoints = {
  q?: string | undefined;
  state?: string | undefined;
  order?: string | undefined;
  after: string;
};

/**
 * Returns a page of the endpoints with how they do.
 *
 * @throws Problem `invalid_cursor`, `invalid_parameter`
 */
export async function listEndpoints(env: Env, asked: AskedEndpoints, limit: number): Promise<ReportPage> {
  const { q = "", order = "id", after } = asked;
  if (order !== "id" && order !== "state") {
    throw new Problem("invalid_parameter", `\`order\` is id or state, not ${JSON.stringify(order)}.`);
  }
  const byState = order === "state";
  if (after !== "" && !(byState ? STATE_KEY : ENDPOINT_ID).test(after)) {
    const detail = `\`after\` is ${byState ? "" : "the id of an endpoint, or "}the \`next\` of a page in this order.`;
    throw new Problem("invalid_cursor", detail);
  }
  if (q.length > MAX_Q) throw new Problem("invalid_parameter", `\`q\` has at most ${MAX_Q} characters.`);
  return outboxOf(env).reports({ q: q === "" ? null : q, state: healthStateFrom(asked.state), byState, after, limit });
}

/** @throws Problem `invalid_parameter` */
export function healthStateFrom(text: string | undefined): HealthState | null {
  const state = HEALTH_STATES.find((each) => each === text);
  if (state !== undefined || text === undefined) return state ?? null;
  throw new Problem(
    "invalid_parameter",
    `\`state\` is one of ${HEALTH_STATES.join(", ")}, not ${JSON.stringify(text)}.`,
  );
}

/** @throws Problem `invalid_endpoint` */
export async function createEndpoint(env: Env, input: EndpointInput): Promise<Changed> {
  checkMasked(input, {});
  const config = await newConfig(input);
  const id = randomId("ep_", Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  const changed = await outboxOf(env).create(id, config, startOf(input.startFrom ?? "now"));
  if (changed !== "unknown_event") return changed;
  throw new Problem("invalid_endpoint", "startFrom names an event that is not in the log.");
}

/**
 * Changes an endpoint, and makes the secrets that a change of `signing` asks for. The Outbox merges the change with what
 * the endpoint is by then.
 *
 * @throws Problem `defined_by_variable`, `not_found`, `invalid_endpoint`
 */
export async function updateEndpoint(env: Env, id: string, input: EndpointInput): Promise<Changed> {
  const { secret: _secret, startFrom: _startFrom, ...change } = input;
  if (change.url !== undefined) refuseDefault(id, "url");
  const { row } = await knownEndpoint(env, id);
  checkMasked(change, row.config.headers);
  const changed = await outboxOf(env).update(id, change, change.signing === undefined ? null : await freshSecrets());
  if (changed === null) throw unknownEndpoint(id);
  return changed;
}

/** @throws Problem `invalid_endpoint` when a header is to keep a value that there is not */
function checkMasked({ headers = {} }: EndpointInput, known: EndpointConfig["headers"]): void {
  const { unknown } = unmaskedHeaders(headers, known);
  if (unknown === null) return;
  throw new Problem("invalid_endpoint", `headers.${unknown} is masked, and the endpoint has no such header to keep.`);
}

/**
 * Deletes an endpoint; returns true when its object is gone already.
 *
 * @throws Problem `defined_by_variable`, `not_found`
 */
export async function deleteEndpoint(env: Env, id: string): Promise<boolean> {
  refuseDefault(id, "endpoint");
  const deleted = await outboxOf(env).delete(id);
  if (deleted === null) throw unknownEndpoint(id);
  return deleted;
}

/**
 * Makes new secrets; the old ones sign beside them for `expiresInSeconds`, a day when undefined.
 *
 * @throws Problem `invalid_endpoint`, `defined_by_variable`, `not_found`, `too_many_secrets`
 */
export async function rotateEndpoint(env: Env, id: string, expiresInSeconds: unknown): Promise<Changed> {
  refuseDefault(id, "secret");
  await knownEndpoint(env, id);
  const seconds = expiresInSeconds === undefined ? DAY_SECONDS : expiresInSeconds;
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 0 || seconds > 7 * DAY_SECONDS) {
    throw new Problem("invalid_endpoint", `expiresInSeconds is a whole number from 0 to ${7 * DAY_SECONDS}.`);
  }
  const changed = await outboxOf(env).rotate(id, await freshSecrets(), seconds * 1000);
  if (changed === null) throw unknownEndpoint(id);
  if (!("firstEnd" in changed)) return changed;
  const end = new Date(changed.firstEnd).toISOString();
  const detail = `${id} has so many secrets that still sign; the first ends at ${end}. Rotate then. To replace the present one at once, set expiresInSeconds to 0.`;
  throw new Problem("too_many_secrets", detail);
}

/** Sends a test event at once and waits for the answer. @throws Problem `endpoint_disabled`, `not_found` */
export async function testEndpoint(env: Env, id: string): Promise<Published & { outcome: FirstOutcome }> {
  const { row, log } = await knownEndpoint(env, id);
  if (!row.config.enabled) throw new Problem("endpoint_disabled", `Enable ${id} first: ${row.config.disabledReason}.`);
  const event = await outboxOf(env).publishTest(id);
  if (event === null) throw new Error("the log does not have the test event that it has just written");
  const outcome = await endpointOf(env, id)
    .sendTest(log, event)
    // The log has the event and offers it to the endpoint; only this answer is lost.
    .catch((): FirstOutcome => ({ state: "pending", status: 0, code: null }));
  return { id: event.id, seq: event.seq, outcome };
}

/** Makes a new endpoint's configuration: the given members, and a secret for each version it signs with. */
async function newConfig(input: EndpointInput): Promise<EndpointConfig> {
  const signing: Signing = input.signing ?? [input.secret === undefined ? "v1" : versionOf(input.secret)];
  const keys = await initialKeys(signing, input.secret);
  return {
    ...{ url: input.url ?? "", enabled: input.enabled ?? true, types: input.types ?? null },
    ...{ description: input.description ?? "", headers: input.headers ?? {}, ordered: input.ordered ?? false },
    disabledReason: input.enabled === false ? "disabled by the API" : null,
    rateLimit: input.rateLimit ?? null,
    ...settingsOf(input),
    signing,
    secrets: keys.map((key) => ({ key, expiresAt: null })),
    createdAt: Date.now(),
  };
}

function startOf(text: string): StartFrom {
  if (text === "now") return { at: "now" };
  const time = isoTime(text);
  return time !== null && !looksOwn(text) ? { at: "time", time } : { at: "event", id: text };
}

/** Refuses to change a member that a variable defines: the next deployment would change it back. */
function refuseDefault(id: string, what: "url" | "endpoint" | "secret"): void {
  if (id !== DEFAULT_ENDPOINT) return;
  const variable = what === "secret" ? "WEBHOOK_SECRET" : "WEBHOOK_URL";
  throw new Problem("defined_by_variable", `${id} is defined by ${variable}; change that variable instead.`);
}

export function unknownEndpoint(id: string): Problem {
  return new Problem("not_found", `There is no endpoint ${id}.`);
}
