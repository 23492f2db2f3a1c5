import { utf8 } from "../../../shared/bytes.ts";
import { USER_AGENT } from "../../../shared/outgoing/attempt.ts";
import { parseSigningKey } from "../../../shared/signing/secret.ts";
import { HEADER, sign, verify } from "../../../shared/signing/signature.ts";

/**
 * The bare relay that the pair is compared with: the same signature, the same two sockets, nothing stored.
 * `POST /relay` signs the body and sends it to TARGET, `POST /verify` checks it.
 */

type Env = { TARGET: string; WEBHOOK_SECRET: string };

export default {
  async fetch(request, env): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    const parsed = parseSigningKey(env.WEBHOOK_SECRET);
    if (!parsed.ok) return new Response(parsed.problem, { status: 500 });
    const keys = [parsed.key];
    if (new URL(request.url).pathname === "/verify") {
      const header = (name: string) => request.headers.get(name) ?? "";
      const message = { id: header(HEADER.id), timestamp: Number(header(HEADER.timestamp)), body };
      const genuine = await verify(message, header(HEADER.signature), keys);
      return new Response(genuine ? "Received" : "Refused", { status: genuine ? 200 : 401 });
    }
    const message = { id: crypto.randomUUID(), timestamp: Math.floor(Date.now() / 1000), body };
    const response = await fetch(env.TARGET, {
      method: "POST",
      body: utf8(new TextDecoder().decode(body)),
      headers: {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        [HEADER.id]: message.id,
        [HEADER.timestamp]: String(message.timestamp),
        [HEADER.signature]: await sign(message, keys),
      },
    });
    await response.text();
    return new Response(null, { status: response.status });
  },
} satisfies ExportedHandler<Env>;
