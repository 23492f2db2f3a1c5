/** A client of both Workers' APIs, as far as these tests need one. */

export type EventSummary = { seq: number; id: string; type: string; receivedAt: string; verification: string };
type Attempt = { at: string; status: number; code: string | null; nextAttemptAt: string | null };
export type Delivery = { seq: number; id: string; state: string; attempts: Attempt[] };
export type EndpointRow = { id: string; url: string; lag: number; retrying: number };

const PAGE = 500;

export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

export function postJson(url: string, json: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: json });
}

/** Publishes one event under the caller's id; resolves only once the sender has acknowledged the event. */
export async function publish(sender: string, event: { id: string; type: string; data: unknown }): Promise<void> {
  const response = await postJson(`${sender}/events`, JSON.stringify(event));
  const text = await response.text();
  if (response.status !== 202) throw new Error(`POST /events answered ${response.status} ${text}`);
}

/** Reads the receiver's whole log, oldest first, page by page. */
export async function readLog(receiver: string): Promise<EventSummary[]> {
  const log: EventSummary[] = [];
  for (let after = 0; ; ) {
    const query = `after=${after}&limit=${PAGE}`;
    const page = await getJson<{ events: EventSummary[]; next: number; end?: boolean }>(`${receiver}/events?${query}`);
    log.push(...page.events);
    if (page.end === true) return log;
    after = page.next;
  }
}

/** Reads the body of one logged event, as text. */
export async function readBody(receiver: string, seq: number): Promise<string> {
  const response = await fetch(`${receiver}/events/${seq}/body`);
  if (!response.ok) throw new Error(`GET /events/${seq}/body answered ${response.status}`);
  return response.text();
}

export async function deliveryOf(sender: string, id: string): Promise<Delivery | null> {
  const url = `${sender}/endpoints/ep_default/deliveries?limit=200`;
  const { deliveries } = await getJson<{ deliveries: Delivery[] }>(url);
  return deliveries.find((delivery) => delivery.id === id) ?? null;
}
