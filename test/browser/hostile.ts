import { createHmac, randomUUID } from "node:crypto";
import { request } from "node:http";
import { variables } from "../pair/workers.ts";

/**
 * What an attacker whose webhooks are verified would send to whoever reads them: everything that could run calls
 * `fault`, which every visit counts, and everything that could be fetched is elsewhere.
 */

const ELSEWHERE = "//elsewhere.example";

export const MARKUP: readonly string[] = [
  "<script>fault('script')</script>",
  "<img src=x onerror=fault('img')>",
  "\"><svg/onload=fault('svg')>",
  "' onmouseover='fault(1)' autofocus onfocus='fault(2)' x='",
  "</pre></code></bdi></td></table><iframe srcdoc=\"<script>parent.fault('frame')</script>\"></iframe>",
  "</script><script>fault('closed')</script>",
  "</title></style></textarea></template><details open ontoggle=fault('toggle')>",
  "<math><mtext><table><mglyph><style><img src=x onerror=fault('math')>",
  "<a href=\"javascript:fault('link')\">x</a>",
  "javascript:fault('url')",
  "data:text/html,<script>opener.fault('data')</script>",
  `<base href="${ELSEWHERE}/"><link rel=stylesheet href="${ELSEWHERE}/a.css">`,
  `<meta http-equiv=refresh content="0;url=${ELSEWHERE}/">`,
  `<style>@import "${ELSEWHERE}/b.css"; * { background: url(${ELSEWHERE}/c) }</style>`,
  `<form action="${ELSEWHERE}/"><input type=password name=token autofocus></form>`,
  "<div hx-get=/events hx-trigger=load hx-on:htmx:load=\"fault('htmx')\" data-hx-get=/events>",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: another language's template
  "${fault('template')} {{constructor.constructor('fault(1)')()}} <%= fault %> #{fault}",
  "&lt;script&gt;fault('twice decoded')&lt;/script&gt; &#60;img src=x onerror=fault(3)&#62;",
];

const LONG = "<b onclick=fault(4)>".repeat(400);

/** One hostile webhook; header values are printable ASCII, as HTTP has it. */
export type Hostile = { name: string; id: string; headers: Record<string, string>; body: string | Buffer };

export const HOSTILE: readonly Hostile[] = [
  ...MARKUP.map((text, index) => ({
    name: text.slice(0, 40),
    id: `${text.replaceAll(".", "").slice(0, 200)} ${index}`,
    headers: { "user-agent": text, "x-from": text, referer: text },
    body: JSON.stringify({ type: text.slice(0, 128), [text]: text, list: [text, { [text]: [text] }] }),
  })),
  hostile("a body that says it is a page", Buffer.from(`<!doctype html>${MARKUP.join("\n")}`), "text/html"),
  hostile(
    "a body that says it is a picture",
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="fault(5)"/>`),
    "image/svg+xml",
  ),
  hostile("a body that says it is a script", Buffer.from("fault('body')"), "text/javascript"),
  hostile(
    "names that objects have",
    Buffer.from('{"__proto__":{"type":"x"},"constructor":1,"toString":{"valueOf":null}}'),
  ),
  hostile(
    "a type of controls and reordering",
    Buffer.from(JSON.stringify({ type: "\u202efdp.exe\u2066\u0000\u001b[31m\ufeff" })),
  ),
  hostile("bytes that are not text", Buffer.from([0, 255, 254, 60, 115, 99, 114, 105, 112, 116, 62, 128, 192])),
  hostile("one long line", Buffer.from(JSON.stringify({ type: LONG.slice(0, 128), text: LONG }))),
  hostile("deep nesting", Buffer.from(`${"[".repeat(2000)}"<img src=x onerror=fault(6)>"${"]".repeat(2000)}`)),
  hostile("nothing", Buffer.alloc(0)),
];

function hostile(name: string, body: Buffer, type = "application/json"): Hostile {
  return { name, id: name.replaceAll(" ", "_"), headers: { "content-type": type }, body };
}

/** A genuine webhook to a receiver, as `fetch` would refuse to send it. Resolves to its status. */
export function sendSigned(
  receiver: string,
  { id = `msg_${randomUUID()}`, headers = {}, body }: Partial<Hostile> & { body: string | Buffer },
): Promise<number | undefined> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(variables.WEBHOOK_SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const signed = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
  return send(receiver, { ...headers, ...signed }, body);
}

/** What nobody signed. Resolves to its status. */
export function sendUnsigned(
  receiver: string,
  { headers, body }: Pick<Hostile, "headers" | "body">,
): Promise<number | undefined> {
  return send(receiver, headers, body);
}

function send(receiver: string, headers: Record<string, string>, body: string | Buffer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${receiver}/webhook`, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
