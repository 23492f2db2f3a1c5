/** The body of an event as it is stored: the same bytes at every attempt. Pure. */

/** Returns the body on the wire: type, ISO timestamp, data (Standard Webhooks, "Payload structure"). */
export function eventBody(type: string, at: number, data: string): string {
  return `{"type":${JSON.stringify(type)},"timestamp":"${new Date(at).toISOString()}","data":${data}}`;
}

/** Returns the type and the time in a body and the text of its data; `body` is one that `eventBody` made. */
export function readBodyText(body: string): { type: string; timestamp: string; data: string } {
  const [head = "", type = "", timestamp = ""] = BODY_HEAD.exec(body) ?? [];
  return { type, timestamp, data: body.slice(head.length, -1) };
}

const BODY_HEAD = /^\{"type":"([^"]*)","timestamp":"([^"]*)","data":/;
