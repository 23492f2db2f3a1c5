import {
  createExecutionContext,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env as bindings, exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { HEADER, sign } from "../../../shared/signing/signature.ts";
import { app } from "../../../workers/receiver/app.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { Inbox } from "../../../workers/receiver/inbox/inbox.ts";
import { type Env, inboxOf } from "../../../workers/receiver/log/logs.ts";
import { vouchedFor } from "../../support/vouched-for.ts";

export const env = bindings as unknown as Env;
export const ORIGIN = "http://localhost:8080";

/**
 * The time at which tests begin: so far ahead that no alarm set in a test's time fires by itself. Only tests run
 * alarms, and time stands still in between.
 */
export const START = Date.parse("2040-01-01T00:00:00Z");

export const SECOND = 1000;
export const DAY = 86_400 * SECOND;

export function setTime(ms: number): void {
  vi.setSystemTime(ms);
}

export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Makes each test begin at START; everything it stored and replaced is gone after it. */
export function useEmptyStorage(): void {
  beforeEach(() => setTime(START));
  afterEach(async () => {
    vi.restoreAllMocks();
    await reset();
  });
}

/** Time of the last test of `useLaterTime`, beyond the time of all others. Files take turns in one isolate, and so share it. */
let later = START + 1000 * DAY;

/**
 * Makes each test begin later than every test before it, and deletes what it stored: limits of a second, which the isolate
 * keeps in memory, reach from none to the next. Returns the time at which the test began.
 */
export function useLaterTime(): () => number {
  const move = () => {
    later += DAY;
    setTime(later);
  };
  // The isolate counts what it does not report until it reports one more: here that of other files.
  beforeAll(async () => {
    move();
    for (const path of ["/webhook", "/webhook/nobody"]) await callWith({}, path, { method: "POST" });
    await reset();
  });
  beforeEach(move);
  afterEach(() => reset());
  return () => later;
}

/** Calls the Worker's fetch handler, as the front of `npm start` does. */
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const { default: worker } = exports as unknown as { default: Fetcher };
  return worker.fetch(await vouchedFor(new Request(`${ORIGIN}${path}`, init), env.API_TOKEN));
}

/** Calls the Worker with another environment. */
export async function callWith(changes: Partial<Env>, path: string, init: RequestInit = {}): Promise<Response> {
  const context = createExecutionContext();
  const request = await vouchedFor(new Request(`${ORIGIN}${path}`, init), env.API_TOKEN);
  const response = await app.fetch(request, { ...env, ...changes }, context);
  await waitOnExecutionContext(context);
  return response;
}

export async function get<Json>(path: string): Promise<Json> {
  const response = await call(path);
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

export type Body = string | Uint8Array<ArrayBuffer>;

/** Returns the headers that the default source asks for with `body`. */
export async function signed(id: string, body: Body, timestamp = Math.floor(Date.now() / 1000)) {
  const bytes = typeof body === "string" ? utf8(body) : body;
  const signature = await sign({ id, timestamp, body: bytes }, parseSecrets("test", env.WEBHOOK_SECRET));
  return { [HEADER.id]: id, [HEADER.timestamp]: String(timestamp), [HEADER.signature]: signature };
}

/** Sends one genuine webhook. */
export async function send(id: string, body: Body = "{}", headers: Record<string, string> = {}): Promise<Response> {
  return call("/webhook", { method: "POST", body, headers: { ...headers, ...(await signed(id, body)) } });
}

/** Sends `count` at once, with ids `<prefix>1` and so on. */
export async function sendMany(count: number, prefix: string, body: Body = "{}"): Promise<void> {
  const responses = await Promise.all(Array.from({ length: count }, (_, index) => send(`${prefix}${index + 1}`, body)));
  const failed = responses.find((response) => response.status !== 200);
  if (failed !== undefined) throw new Error(`${failed.status} ${await failed.text()}`);
}

export { inboxOf } from "../../../workers/receiver/log/logs.ts";

export function inbox(): DurableObjectStub<Inbox> {
  return inboxOf(env, "main");
}

export function inInbox<Result>(work: (instance: Inbox, state: DurableObjectState) => Result | Promise<Result>) {
  return runInDurableObject<Inbox, Result>(inbox(), work);
}

/** Evicts the Inbox, also while a timer keeps it for a line of its log, or for notes that are not saved yet: those are lost. */
export async function evict(): Promise<void> {
  await inInbox(({ memory, arrivalLog }) => {
    memory.rest();
    arrivalLog.flush();
  });
  await evictDurableObject(inbox());
}

/** Runs the Inbox's alarm, as the platform does when it is due. */
export async function runAlarm(): Promise<void> {
  if (!(await runDurableObjectAlarm(inbox()))) throw new Error("no alarm was armed");
}

/** Returns the rows that the Inbox has written since it woke, as billed and with its alarms. */
export function rowsWritten(): Promise<number> {
  return inInbox(({ memory }) => memory.store.sql.rowsWritten);
}

/** Returns the time of the armed alarm; null when none is armed. */
export function armedAt(): Promise<number | null> {
  return inInbox((_instance, { storage }) => storage.getAlarm());
}

/** Returns the numbers in the names of the Inbox's tables of one kind, ascending. */
export function tables(kind: "tail" | "seen"): Promise<number[]> {
  return inInbox((_instance, { storage }) => {
    const rows = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const numbers = rows.filter(({ name }) => name.startsWith(`${kind}_`)).map(({ name }) => Number(name.slice(5)));
    return numbers.sort((a, b) => a - b);
  });
}

/** Gives the running Inbox a KV namespace with these changes, until it is evicted. */
export function replaceKv(changes: Partial<Pick<KVNamespace, "get" | "put">>): Promise<void> {
  return inInbox((instance) => {
    const kv = { get: env.EVENTS.get.bind(env.EVENTS), put: env.EVENTS.put.bind(env.EVENTS), ...changes };
    Object.assign(instance, { env: { ...env, EVENTS: kv } });
  });
}

/** Returns the names of all keys in KV, the newest segment first. */
export async function keys(): Promise<string[]> {
  return (await env.EVENTS.list()).keys.map(({ name }) => name);
}

/** Returns all seqs that `/events` shows, page by page, from one end of the log to the other. */
export async function walk(order: "before" | "after", limit: number): Promise<number[]> {
  const seqs: number[] = [];
  let next: number | null = order === "after" ? 0 : null;
  for (;;) {
    const cursor = next === null ? "" : `&${order}=${next}`;
    const page: Page = await get(`/events?limit=${limit}${cursor}`);
    seqs.push(...page.events.map(({ seq }) => seq));
    next = page.next;
    if (page.end === true || next === null) return seqs;
  }
}
