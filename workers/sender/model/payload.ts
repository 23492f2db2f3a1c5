import type { PayloadForm } from "./endpoint.ts";
import type { LoggedEvent } from "./event.ts";
import { readBodyText } from "./event-body.ts";

/** The forms of the body that an endpoint may ask for, made of the stored one. The data keeps its text in each. */

/** An event's id and its stored body. */
type StoredBody = Pick<LoggedEvent, "id" | "body">;

/** A body as it goes out, and its media type. */
type Payload = { body: string; contentType: string };

/** CloudEvents 1.0, "Required Attributes": the context in which an event happened. One log is one context. */
const SOURCE = "urn:webhooks:default";

const FORMS: Record<PayloadForm, (stored: StoredBody) => Payload> = {
  standard: ({ body }) => ({ body, contentType: "application/json" }),
  data: ({ body }) => ({ body: readBodyText(body).data, contentType: "application/json" }),
  cloudevents: ({ id, body }) => ({ body: cloudEvent(id, body), contentType: "application/cloudevents+json" }),
};

export function payloadOf(stored: StoredBody, form: PayloadForm): Payload {
  return FORMS[form](stored);
}

/** Returns an event in structured mode: JSON Event Format for CloudEvents 1.0, section 3. */
function cloudEvent(id: string, body: string): string {
  const { type, timestamp, data } = readBodyText(body);
  const context = {
    specversion: "1.0",
    id,
    source: SOURCE,
    type,
    time: timestamp,
    datacontenttype: "application/json",
  };
  return `${JSON.stringify(context).slice(0, -1)},"data":${data}}`;
}
