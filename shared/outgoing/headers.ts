import { HEADER } from "../signing/signature.ts";

/** Names of headers that no caller sets on a request that leaves us. All in lower case. */

/** Headers of one connection (RFC 9110 section 7.6.1), and those that the connection to a server sets for itself. */
export const CONNECTION_HEADERS = [
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["host", "content-length", "expect"],
] as const;

/** Headers that an attempt sets itself. */
export const ATTEMPT_HEADERS = ["content-type", "user-agent", ...Object.values(HEADER)] as const;
