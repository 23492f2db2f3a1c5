import { type HeaderList, maskedHeaders } from "../event/headers.ts";
import type { Source } from "../verify/source.ts";

/** Headers of a rejected request as they are kept: masked as an event's, and cut to a bounded size. Pure. */

const MAX_HEADERS = 64;
const MAX_VALUE_LENGTH = 1024;
/** Length of all headers together: a hundred requests of each of many sources must fit the object's memory. */
const MAX_HEADERS_LENGTH = 4096;

/** Returns the headers without secrets, nor those of the `query` that the request came with. */
export function rejectedHeaders({ scheme }: Source, headers: Headers, query: string): HeaderList {
  return shortened(maskedHeaders(headers, query, scheme.secretHeaders));
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
