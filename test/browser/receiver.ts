import { createHmac, randomUUID } from "node:crypto";
import { request } from "node:http";
import { join } from "node:path";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { configuredRoot, runWorker, variables } from "../pair/workers.ts";

/** A receiver as somebody has configured it, and what comes to it. */

/** A source for each way of checking, and one with a log of its own. Their secret is the default source's. */
const SOURCES = [
  ["github", 'scheme = "github"\nsecrets = ["WEBHOOK_SECRET"]'],
  ["legacy", 'scheme = "token"\nsecrets = ["WEBHOOK_SECRET"]'],
  ["open", 'scheme = "none"'],
  ["audit", 'scheme = "standard"\nsecrets = ["WEBHOOK_SECRET"]\nlog = "audit"'],
]
  .map(([name, keys]) => `[vars.SOURCES.${name}]\n${keys}\n`)
  .join("\n");

/** `path`: a folder of its own. */
export function runReceiver(
  path: string,
  { port = 0, vars = {} }: { port: number | undefined; vars?: Record<string, string> },
): Promise<WorkerProcess> {
  const root = configuredRoot(path, { tables: SOURCES });
  return runWorker("receiver", { port, stateDir: join(path, "state"), vars, root });
}

/** What is sent; header values are printable ASCII, as HTTP has it. */
export type Sent = { id?: string; headers?: Record<string, string>; body: string | Buffer };

/** A genuine webhook to the source `default`, as `fetch` would refuse to send it. Resolves to its status. */
export function sendSigned(receiver: string, { id = `msg_${randomUUID()}`, headers = {}, body }: Sent) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(variables.WEBHOOK_SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const signed = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
  return send(`${receiver}/webhook`, { headers: { ...headers, ...signed }, body });
}

/** A genuine webhook to the source `github`. Resolves to its status. */
export function sendGithub(receiver: string, type: string): Promise<number | undefined> {
  const body = JSON.stringify({ id: randomUUID() });
  const mac = createHmac("sha256", variables.WEBHOOK_SECRET).update(body).digest("hex");
  const headers = { "x-github-event": type, "x-github-delivery": randomUUID(), "x-hub-signature-256": `sha256=${mac}` };
  return send(`${receiver}/webhook/github`, { headers, body });
}

/** A webhook to the source `legacy`, with its token. Resolves to its status. */
export function sendLegacy(receiver: string, type: string): Promise<number | undefined> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${variables.WEBHOOK_SECRET}` };
  return send(`${receiver}/webhook/legacy`, { headers, body: JSON.stringify({ type, id: randomUUID() }) });
}

/** Resolves to the status of the answer. */
export function send(url: string, { headers = {}, body }: Omit<Sent, "id">): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
