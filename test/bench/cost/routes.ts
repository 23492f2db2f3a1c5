import { setTimeout as sleep } from "node:timers/promises";
import { childrenCpuMs } from "../support/processor-time.ts";
import { type Pair, SECRET, TOKEN } from "../support/start.ts";
import { call, driveAll, type Sink } from "../support/tools.ts";
import { signed } from "../support/webhook.ts";

/** The processor time of a request on each route, with everything that it causes: calls of objects, deliveries. */

export type RouteTime = { who: "sender" | "receiver"; route: string; ms: number };

type Made = { method: string; url: string; body?: string; headers?: Record<string, string>; status?: number };

const WARM_UP = 20;
const TIMES = 40;
const EVENTS = 500;
/** A runtime is idle that used hardly any of such a time. */
const IDLE = { overMs: 250, usedMs: 5 };
const TYPE = "cost.route";
/** Publishing is measured with a type that no endpoint wants: each delivery is an invocation of its own. */
const UNWANTED = JSON.stringify({ type: "cost.unwanted", data: { text: "x".repeat(100) } });
const LINE = JSON.stringify({ type: TYPE, data: { text: "x".repeat(100) } });

/** Measures the sender's routes, with one endpoint and some events that it has. */
export async function senderRoutes(pair: Pair, sink: Sink): Promise<RouteTime[]> {
  const { sender } = pair.urls;
  const made = await call(pair, "POST", "/endpoints", { url: `${sink.url}/ok/routes`, types: [TYPE] });
  const endpoint = `/endpoints/${(made as { id: string }).id}`;
  await driveAll({ url: `${sender}/events`, connections: 4, amount: EVENTS, ratePerSecond: null, type: TYPE });
  const { id } = (await call(pair, "POST", "/events", JSON.parse(LINE))) as { id: string };
  await idle(pair);
  const get = (path: string) => [`GET ${path.replace(id, ":id")}`.replace(endpoint, "/endpoints/:id"), path] as const;
  const post = (route: string, body?: string) => ({ route, made: { ...posted(body), url: `${sender}${route}` } });
  const pages = [
    ...["/events?limit=50", `/events/${id}`, "/endpoints", endpoint, `${endpoint}/deliveries`, `${endpoint}/secret`],
    ...["/health", "/"],
  ].map(get);
  return timed(pair, "sender", [
    ...[post("/events", UNWANTED), post("/trigger")].map(({ route, made }) => ({ route: `POST ${route}`, made })),
    { route: "POST /events with 100", made: post("/events", `[${Array(100).fill(UNWANTED).join(",")}]`).made },
    { route: "POST /events/:id/redeliver", made: post(`/events/${id}/redeliver`).made },
    { route: "POST /endpoints/:id/test", made: post(`${endpoint}/test`).made },
    {
      route: "PATCH /endpoints/:id",
      made: { ...posted(JSON.stringify({ description: "the same" })), method: "PATCH", url: `${sender}${endpoint}` },
    },
    ...pages.map(([route, path]) => ({ route, made: { method: "GET", url: `${sender}${path}` } })),
    { route: "GET / of an endpoint", made: { method: "GET", url: `${sender}/dashboard${endpoint}` } },
  ]);
}

/** Measures the receiver's routes, with some events in its log. */
export async function receiverRoutes(pair: Pair): Promise<RouteTime[]> {
  const { receiver } = pair.urls;
  const load = { connections: 4, amount: EVENTS, ratePerSecond: null, secret: SECRET };
  await driveAll({ url: `${receiver}/webhook`, ...load });
  const forged = { "webhook-id": "msg_1", "webhook-timestamp": String(Math.floor(Date.now() / 1000)) };
  const pages = [
    ...["/events?limit=50", "/events?limit=500", "/events?q=absent", "/events/100", "/events/100/body"],
    ...["/events/export?paged=true", "/rejections", "/sources", "/health", "/", "/rejected", "/connect", "/e/100"],
  ];
  return timed(pair, "receiver", [
    { route: "POST /webhook", made: () => ({ ...posted(LINE, signed(LINE, SECRET)), url: `${receiver}/webhook` }) },
    {
      route: "POST /webhook with a forgery",
      made: {
        ...posted(LINE, { ...forged, "webhook-signature": `v1,${btoa("x".repeat(32))}` }),
        url: `${receiver}/webhook`,
        status: 401,
      },
    },
    ...pages.map((path) => ({
      route: `GET ${path.replace("100", ":seq")}`,
      made: { method: "GET", url: `${receiver}${path}` },
    })),
  ]);
}

type Route = { route: string; made: Made | (() => Made) };

async function timed(pair: Pair, who: RouteTime["who"], routes: Route[]): Promise<RouteTime[]> {
  const times: RouteTime[] = [];
  for (const { route, made } of routes) {
    const make = typeof made === "function" ? made : () => made;
    for (let turn = 0; turn < WARM_UP; turn++) await ask(make());
    await idle(pair);
    const before = childrenCpuMs(pair.pid) ?? Number.NaN;
    for (let turn = 0; turn < TIMES; turn++) await ask(make());
    await idle(pair);
    times.push({ who, route, ms: ((childrenCpuMs(pair.pid) ?? Number.NaN) - before) / TIMES });
  }
  return times;
}

/** Waits until the runtime has done what requests left to do. */
async function idle({ pid }: Pair): Promise<void> {
  for (let used = Number.POSITIVE_INFINITY; used > IDLE.usedMs; ) {
    const before = childrenCpuMs(pid) ?? 0;
    await sleep(IDLE.overMs);
    used = (childrenCpuMs(pid) ?? 0) - before;
  }
}

async function ask({ method, url, body, headers, status }: Made): Promise<void> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  await response.arrayBuffer();
  const asWanted = status === undefined ? response.ok : response.status === status;
  if (!asWanted) throw new Error(`${method} ${url} answered ${response.status}`);
}

function posted(body = "{}", headers: Record<string, string> = {}): Omit<Made, "url"> {
  return { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
}
