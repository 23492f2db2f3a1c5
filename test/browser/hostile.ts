import type { Sent } from "./receiver.ts";

/**
 * Webhooks that an attacker whose webhooks are verified would send to their readers. Everything in them that could run
 * calls `fault`, which every visit counts, and everything that could be fetched is elsewhere.
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
  "<div id=refresh data-from=/events data-parts=page data-seconds=0><div id=message><div id=posted>",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: another language's template
  "${fault('template')} {{constructor.constructor('fault(1)')()}} <%= fault %> #{fault}",
  "&lt;script&gt;fault('twice decoded')&lt;/script&gt; &#60;img src=x onerror=fault(3)&#62;",
];

const LONG = "<b onclick=fault(4)>".repeat(400);

/** All texts at once, each the value of a header. */
export const MARKUP_HEADERS: Record<string, string> = Object.fromEntries(
  MARKUP.map((text, index) => [`x-${index}`, text]),
);

/** One hostile webhook. */
export type Hostile = Required<Sent> & { name: string };

/** Each text as the id, the type, the user agent and the body of an event. */
export const HOSTILE_MARKUP: readonly Hostile[] = MARKUP.map((text, index) => ({
  name: text.slice(0, 40),
  id: `${text.replaceAll(".", "").slice(0, 200)} ${index}`,
  headers: { "user-agent": text, "x-from": text, referer: text },
  body: JSON.stringify({ type: text.slice(0, 128), [text]: text, list: [text, { [text]: [text] }] }),
}));

/** Bodies to look at in every view. The first two hold all texts, one as JSON and one as something else. */
export const HOSTILE_BODIES: readonly Hostile[] = [
  {
    ...hostile("everything", Buffer.from(JSON.stringify(MARKUP.map((text) => ({ [text]: text }))))),
    headers: MARKUP_HEADERS,
  },
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

export const HOSTILE: readonly Hostile[] = [...HOSTILE_MARKUP, ...HOSTILE_BODIES];

/** Returns the seq of the hostile webhook in a log that got all of them first, in this order. */
export function seqOf(name: string): number {
  return HOSTILE.findIndex((each) => each.name === name) + 1;
}

function hostile(name: string, body: Buffer, type = "application/json"): Hostile {
  return { name, id: name.replaceAll(" ", "_"), headers: { "content-type": type }, body };
}
