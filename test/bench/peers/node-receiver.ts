import { createServer, type IncomingHttpHeaders } from "node:http";
import { Webhook } from "standardwebhooks";

/** A plain Node receiver that verifies with the `standardwebhooks` package, and keeps nothing. */

const [port, secret = ""] = process.argv.slice(2);
const webhook = new Webhook(secret);

createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.statusCode = isGenuine(Buffer.concat(chunks).toString(), request.headers) ? 200 : 401;
  response.end();
}).listen(Number(port), "127.0.0.1");

function isGenuine(body: string, headers: IncomingHttpHeaders): boolean {
  try {
    webhook.verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
