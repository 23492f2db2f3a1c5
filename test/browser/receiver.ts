import { createHmac, randomUUID } from "node:crypto";
import { request } from "node:http";
import { join } from "node:path";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { configuredRoot, runWorker, variables } from "../pair/workers.ts";

/** A receiver with a configuration of its own, and webhooks for it. */

/** A source for each kind of verification, and one with a log of its own. Their secret is the default source's. */
const SOURCES = [
  ["github", 'scheme = "github"\nsecrets = ["WEBHOOK_SECRET"]'],
  ["legacy", 'scheme = "token"\nsecrets = ["WEBHOOK_SECRET"]'],
  ["open", 'scheme = "none"'],
  ["audit", 'scheme = "standard"\nsecrets = ["WEBHOOK_SECRET"]\nlog = "audit"'],
]
  .map(([name, keys]) => `[vars.SOURCES.${name}]\n${keys}\n`)
  .join("\n");

type ReceiverOptions = { port: number | undefined; vars?: Record<string, string>; stateDir?: string };

/** Runs the receiver. `path` is a folder of its own; `stateDir` may hold the storage of an earlier run. */
export function runReceiver(
  path: string,
  { port = 0, vars = {}, stateDir = join(path, "state") }: ReceiverOptions,
): Promise<WorkerProcess> {
  const root = configuredRoot(path, { tables: SOURCES });
  return runWorker("receiver", { port, stateDir, vars, root });
}

/** A webhook to send. Its header values are printable ASCII, as HTTP asks for. */
export type Sent = { id?: string; headers?: Record<string, string>; body: string | Buffer };

/**
 * Sends a genuine webhook to the source `default`, of a kind that `fetch` would refuse to send. Resolves to the status.
 */
export function sendSigned(receiver: string, { id = `msg_${randomUUID()}`, headers = {}, body }: Sent) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(variables.WEBHOOK_SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const signed = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
  return send(`${receiver}/webhook`, { headers: { ...headers, ...signed }, body });
}

/** Sends a genuine webhook to the source `github`. Resolves to the status. */
export function sendGithub(receiver: string, type: string): Promise<number | undefined> {
  const body = JSON.stringify({ id: randomUUID() });
  const mac = createHmac("sha256", variables.WEBHOOK_SECRET).update(body).digest("hex");
  const headers = { "x-github-event": type, "x-github-delivery": randomUUID(), "x-hub-signature-256": `sha256=${mac}` };
  return send(`${receiver}/webhook/github`, { headers, body });
}

/** Sends a webhook with its token to the source `legacy`. Resolves to the status. */
export function sendLegacy(receiver: string, type: string): Promise<number | undefined> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${variables.WEBHOOK_SECRET}` };
  return send(`${receiver}/webhook/legacy`, { headers, body: JSON.stringify({ type, id: randomUUID() }) });
}

/** Sends a webhook. Resolves to the status. */
export function send(url: string, { headers = {}, body }: Omit<Sent, "id">): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
