import { createHmac, randomUUID } from "node:crypto";

/** Genuine webhooks, as others make them. */

/** Returns the Standard Webhooks headers for a body, under an id of its own; the secret begins with `whsec_`. */
export function signed(body: string, secret: string): Record<string, string> {
  const [id, timestamp] = [`msg_${randomUUID()}`, String(Math.floor(Date.now() / 1000))];
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

/** Returns the header that signs a body as GitHub does. */
export function signedForGithub(body: string, secret: string): Record<string, string> {
  return { "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}` };
}
