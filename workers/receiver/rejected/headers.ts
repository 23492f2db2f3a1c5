import { type HeaderList, MASK, maskedHeaders } from "../event/headers.ts";
import type { Source } from "../verify/source.ts";

/**
 * Headers of a rejected request as they are kept. They come from a stranger or from a sender that is configured wrongly:
 * more is masked than of an event, as any of them may hold a secret, and all is cut to a bounded size. Pure.
 */

const MAX_HEADERS = 64;
const MAX_VALUE_LENGTH = 1024;
/** Length of all headers together: a hundred requests of each of many sources must fit the object's memory. */
const MAX_HEADERS_LENGTH = 4096;
/** More tokens than any provider's handshake has; each is looked for in every header. */
const MAX_TOKENS = 8;
/** Names that people give to headers and parameters with a token, besides those that an event's headers are masked by. */
const SECRET_LIKE = /token|secret|api[-_]?key|access-key|functions-key|passw|credential|session|auth|jwt/;

/** Returns the headers without secrets. `handshakeUrl`: the URL of a handshake, whose query has tokens; null for none. */
export function rejectedHeaders({ scheme }: Source, headers: Headers, handshakeUrl: string | null): HeaderList {
  const names = [...(scheme.secretHeaders ?? []), ...[...headers.keys()].filter((name) => SECRET_LIKE.test(name))];
  const masked = maskedHeaders(headers, names);
  return shortened(handshakeUrl === null ? masked : withoutTokens(masked, handshakeUrl));
}

/**
 * Masks the tokens of a query wherever a header repeats them, as a proxy's may. In one pass: a token may be a part of
 * the mask, and a second pass would find it there.
 */
function withoutTokens(headers: HeaderList, url: string): HeaderList {
  const values = new URL(url).search
    .slice(1)
    .split("&")
    .flatMap((pair) => {
      const equals = pair.indexOf("=");
      const value = pair.slice(equals + 1);
      return equals > 0 && SECRET_LIKE.test(pair.slice(0, equals)) ? [value, formText(value)] : [];
    });
  // The longest first: one may begin with another.
  const tokens = [...new Set(values)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
  if (tokens.length === 0) return headers;
  if (tokens.length > MAX_TOKENS) return headers.map(([name]) => [name, MASK]);
  const anyToken = new RegExp(tokens.map((token) => RegExp.escape(token)).join("|"), "g");
  return headers.map(([name, value]) => [name, value.replace(anyToken, MASK)]);
}

/** Returns the text that a form's value stands for. */
function formText(value: string): string {
  return new URLSearchParams(`v=${value}`).get("v") ?? "";
}

/** Cuts headers whose length a stranger decides. */
function shortened(headers: HeaderList): HeaderList {
  const kept: HeaderList = [];
  let length = 0;
  for (const [name, value] of headers.slice(0, MAX_HEADERS)) {
    const long = value.length > MAX_VALUE_LENGTH;
    const cut = long ? `${value.slice(0, MAX_VALUE_LENGTH)}… (${value.length} characters)` : value;
    length += name.length + cut.length;
    if (length > MAX_HEADERS_LENGTH) break;
    kept.push([name, cut]);
  }
  return kept;
}
