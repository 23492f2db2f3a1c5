import { type HeaderList, maskedHeaders } from "../event/headers.ts";
import { queryOf, type SecretPlaces } from "../event/masking.ts";
import { type RequestLine, requestLine } from "../event/request-line.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";

/** First line and headers of a rejected request as they are kept: masked as an event's, and cut to a bounded size. Pure. */

const MAX_HEADERS = 64;
const MAX_VALUE_LENGTH = 1024;
/** Length of all headers together: a hundred requests of each of many sources must fit the object's memory. */
const MAX_HEADERS_LENGTH = 4096;

/** Returns line and headers without the secrets in them; `places` are those of the scheme. */
export function rejectedHead(request: SignedRequest, places: SecretPlaces = {}): RequestLine & { headers: HeaderList } {
  const { method, path, query } = requestLine(request, places);
  const headers = shortened(maskedHeaders(request.headers, queryOf(request.url), places));
  return { method, path: path && cut(path), query: query && cut(query), headers };
}

/** Cuts headers whose length a stranger decides. */
function shortened(headers: HeaderList): HeaderList {
  const kept: HeaderList = [];
  let length = 0;
  for (const [name, value] of headers.slice(0, MAX_HEADERS)) {
    const short = cut(value);
    length += name.length + short.length;
    if (length > MAX_HEADERS_LENGTH) break;
    kept.push([name, short]);
  }
  return kept;
}

function cut(text: string): string {
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}… (${text.length} characters)` : text;
}
