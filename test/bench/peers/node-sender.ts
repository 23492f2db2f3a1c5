import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

/** A plain Node sender that signs with the `standardwebhooks` package, sends at once, and keeps nothing. */

const [port, target = "", secret = ""] = process.argv.slice(2);
const webhook = new Webhook(secret);

createServer(async (request, response) => {
  request.resume();
  const now = new Date();
  const data = { timestamp: Math.floor(now.getTime() / 1000), value: 1 + Math.floor(Math.random() * 100) };
  const body = JSON.stringify({ type: "value.changed", timestamp: now.toISOString(), data });
  const id = `msg_${randomUUID()}`;
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(data.timestamp),
    "webhook-signature": webhook.sign(id, now, body),
  };
  const sent = await fetch(target, { method: "POST", headers, body });
  await sent.text();
  response.end(`Webhook sent, status: ${sent.status}`);
}).listen(Number(port), "127.0.0.1");
