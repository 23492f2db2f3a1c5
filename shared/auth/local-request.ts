import { sameText } from "../same-text.ts";
import { localProof, PROOF_HEADER } from "./local-proof.ts";

/**
 * Requests from this machine, which need no token in local development. A Worker cannot tell by itself: `wrangler dev`
 * lets any client choose the URL that the Worker sees, with `MF-Original-URL`. The front of `npm start` sees the bytes
 * that came, and vouches for the URL.
 */

const LOOPBACK_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);
const LOOPBACK_ADDRESS = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
/**
 * Headers of proxies and tunnels. wrangler sets `cf-connecting-ip` itself, to the address of the client, unless it came
 * with the request.
 */
const PROXY_HEADER =
  /^(forwarded|via|x-forwarded-.*|x-original-.*|(x-)?(real|client|cluster-client|true-client)-ip|cf-(?!connecting-ip$).*|x-(envoy|amzn|azure)-.*|(tailscale|ngrok|fly|fastly)-.*)$/;

/** Tells if the front vouches for the request. Compares in constant time. */
export async function isVouchedFor(request: Request, apiToken: string): Promise<boolean> {
  const proof = request.headers.get(PROOF_HEADER);
  return proof !== null && sameText(proof, await localProof(apiToken));
}

/**
 * Tells if the request says to come from a program or a page of our own on this machine. The headers that browsers and
 * proxies must send give away a page of another origin, a tunnel, a proxy, and a hostname that was rebound to loopback.
 * So `LOCAL_DEV` never opens the API to anyone else. Only for a request that is vouched for. `acts` says that reading does
 * something: no link of another page may do it.
 */
export function isLocalRequest(request: Request, acts = false): boolean {
  const url = new URL(request.url);
  if (!LOOPBACK_HOSTS.has(url.hostname)) return false;
  for (const [name, value] of request.headers) {
    if (PROXY_HEADER.test(name) || (name === "cf-connecting-ip" && !LOOPBACK_ADDRESS.test(value))) return false;
  }
  const site = request.headers.get("sec-fetch-site");
  const isOurs = site === null || site === "same-origin" || site === "none";
  if (!isOurs && (acts || !isFollowedLink(request))) return false;
  const origin = request.headers.get("origin");
  return origin === null || origin === url.origin;
}

/**
 * Tells if a browser follows a link from a page at another port of this machine, as the other Worker's pages have it.
 * The linking page sees nothing of the answer, which is shown in a document of its own.
 */
function isFollowedLink({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    headers.get("sec-fetch-site") === "same-site" &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}
