import { wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { USER_AGENT } from "../../../shared/outgoing/attempt.ts";
import { HEADER } from "../../../shared/signing/signature.ts";
import type { Delivery } from "../model/delivery.ts";
import { type EndpointConfig, MASKED, settingsOf } from "../model/endpoint.ts";
import { payloadOf } from "../model/payload.ts";
import { knownEndpoint } from "./endpoints.ts";
import { type Env, endpointOf, outboxOf } from "./env.ts";

/** The request of a delivery, made again from the event and the endpoint's present settings: it is not stored. */

const MAX_SEQ = 1e15;
/** In place of a value that differs from attempt to attempt. */
const NOT_KEPT = "(not kept)";

/** `body`: the exact text that is sent; null when the event has gone. */
export type SentRequest = {
  method: "POST";
  url: string;
  headers: [name: string, value: string][];
  body: string | null;
};

export type RequestedDelivery = { delivery: Delivery; request: SentRequest };

/** `seqText`: the seq as an address has it. @throws Problem `not_found`, `invalid_parameter` */
export async function requestedDelivery(env: Env, endpointId: string, seqText: string): Promise<RequestedDelivery> {
  const seq = wholeNumber("seq", seqText, { min: 1, max: MAX_SEQ }) ?? 0;
  const { row } = await knownEndpoint(env, endpointId);
  const delivery = await endpointOf(env, row.id).delivery(null, seq);
  if (delivery === null) throw new Problem("not_found", `${row.id} has no delivery ${seq}.`);
  // A delivered row no longer has the body. The log has it until the end of its retention time.
  const stored = delivery.body ?? (await outboxOf(env).event(delivery.id))?.body ?? null;
  return { delivery, request: sentRequest(row.config, delivery.id, stored) };
}

/** Makes the request; headers of the connection are left out, and the values of custom headers are masked. */
function sentRequest(config: EndpointConfig, id: string, stored: string | null): SentRequest {
  const { payload, signatureHeaders } = settingsOf(config);
  const { body, contentType } = payloadOf({ id, body: stored ?? "" }, payload);
  const names = signatureHeaders ?? HEADER;
  const headers: SentRequest["headers"] = [
    ...Object.keys(config.headers).map((name): [string, string] => [name, MASKED]),
    ["content-type", contentType],
    ["user-agent", USER_AGENT],
    [names.id, id],
    [names.timestamp, NOT_KEPT],
    [names.signature, NOT_KEPT],
  ];
  return { method: "POST", url: config.url, headers, body: stored === null ? null : body };
}

/** Returns the headers whose values are known: those that another request can repeat. */
export function keptHeaders({ headers }: SentRequest): SentRequest["headers"] {
  return headers.filter(([, value]) => value !== NOT_KEPT);
}
