import { once } from "node:events";
import {
  Agent,
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { localProof, PROOF_HEADER } from "../../shared/auth/local-proof.ts";

/**
 * The front of one Worker: it has the Worker's port, and hands each request on to wrangler, which listens elsewhere. It
 * drops the headers with which a client could choose what the Worker sees as its URL, and vouches for the requests that
 * named this machine. Nothing else is changed.
 */

export type Front = {
  /** Port of wrangler; null while it is not there. */
  target: number | null;
  /** Answers and parts of answers that wrangler gave so far. */
  readonly signs: number;
  /** Resolves once the front listens; rejects when it cannot. */
  listening: Promise<void>;
  close(): void;
};

const HOST = "127.0.0.1";
/** A page cannot choose the `Host` of its requests: it is the name in the page's own address, rebound or not. */
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
/** miniflare's own headers; `mf-original-url` is one. */
const WRANGLER_HEADER = /^mf-/i;
/** Anyone may send these requests, and the receiver keeps their headers as they came. */
const OPEN_PATH = /^\/webhook(?![^/?])/;
/** Headers of one connection (RFC 9110 section 7.6.1). Bodies keep their framing. */
const CONNECTION_HEADERS = new Set(["connection", "keep-alive", "proxy-connection", "upgrade", "expect"]);
/** Less than workerd keeps an idle connection, so that none is closed while a request is on its way. */
const IDLE_MS = 2000;
/** More than any client keeps an idle connection, for the same reason. */
const CLIENT_IDLE_MS = 90_000;
/** The time that a client gets to read an answer that came before the end of its request. */
const LINGER_MS = 1000;
/** Writes the head. Node's `flushHeaders` would write it as UTF-8. */
const NOTHING = Buffer.alloc(0);
/** More than workerd takes: the Worker's limits hold, not these. */
const MAX_HEADER_BYTES = 512 * 1024;

type Refusal = { status: number; text: string };
type Pass = { front: Pick<Front, "target">; proof: string; agent: Agent; seen: () => void };

/** Listens on `port`, and vouches for requests to a Worker with this token. */
export function startFront(port: number, apiToken: string): Front {
  let signs = 0;
  let closed = false;
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, keepAliveTimeout: CLIENT_IDLE_MS });
  const upgraded = new Set<Socket>();
  const front: Front = {
    target: null,
    get signs() {
      return signs;
    },
    listening: localProof(apiToken).then(async (proof) => {
      if (closed) return;
      const pass: Pass = { front, proof, agent, seen: () => void signs++ };
      server.on("request", (request, response) => handOn(request, response, pass));
      server.on("upgrade", (request, socket: Socket, rest) => {
        upgraded.add(socket);
        socket.once("close", () => upgraded.delete(socket)).on("error", () => socket.destroy());
        upgrade(request, { socket, rest }, pass);
      });
      server.listen({ host: HOST, port });
      await once(server, "listening");
    }),
    close() {
      closed = true;
      server.close();
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      agent.destroy();
    },
  };
  return front;
}

/** Hands a request on, and its answer back. */
function handOn(request: IncomingMessage, response: ServerResponse, pass: Pass): void {
  const refusal = refusalOf(request, pass);
  if (refusal !== null) {
    answer(response, refusal);
    return;
  }
  const sent = open(request, pass);
  const hasBody = "content-length" in request.headers || "transfer-encoding" in request.headers;
  // Node would add a length or chunks to a request that came without a body.
  sent.useChunkedEncodingByDefault = false;
  sent.once("response", (answered) => relay(answered, response, pass));
  // The client sees a lost connection, as if there were no front.
  sent.once("error", () => request.socket.destroy());
  response.once("close", () => sent.destroy());
  response.once("finish", () => endUpload(request));
  if (!hasBody) {
    sent.end();
    return;
  }
  // Node would keep the head back until the body begins, and that may take longer than the Worker waits for it.
  sent.write(NOTHING);
  request.pipe(sent);
}

/** Ends a body that goes on after its answer. The client gets the time to read that first. */
function endUpload(request: IncomingMessage): void {
  if (request.complete) return;
  request.unpipe();
  request.resume();
  setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
}

/** Hands a WebSocket's upgrade on, and then the bytes of both sides. */
function upgrade(request: IncomingMessage, { socket, rest }: { socket: Socket; rest: Buffer }, pass: Pass): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  const refusal = refusalOf(request, pass);
  if (refusal !== null) {
    answer(response, refusal);
    return;
  }
  // Anything but a WebSocket is answered as if no upgrade had been asked for, as every server may.
  const wanted = request.headers.upgrade?.toLowerCase() === "websocket";
  const sent = open(request, pass, wanted ? { connection: "Upgrade", upgrade: "websocket" } : {});
  sent.once("response", (answered) => relay(answered, response, pass));
  sent.once("error", () => socket.destroy());
  socket.once("close", () => sent.destroy());
  sent.once("upgrade", (answered, other, first) => {
    response.detachSocket(socket);
    socket.write(headOf(answered));
    socket.write(first);
    other.write(rest);
    other.on("data", pass.seen).on("error", () => socket.destroy());
    other.once("close", () => socket.destroy());
    socket.once("close", () => other.destroy());
    socket.pipe(other).pipe(socket);
  });
  sent.end();
}

/** Opens the request to wrangler. Node gives header bytes as Latin-1 and writes them so: none is changed. */
function open(
  request: IncomingMessage,
  { front, proof, agent }: Pass,
  more: Record<string, string> = {},
): ClientRequest {
  const { method, url: path } = request;
  const sent = httpRequest({ host: HOST, port: front.target, method, path, agent, setHost: false });
  for (const [name, value] of headersOf(request)) {
    const lower = name.toLowerCase();
    const dropped = CONNECTION_HEADERS.has(lower) || WRANGLER_HEADER.test(lower) || lower === PROOF_HEADER;
    if (!dropped) sent.appendHeader(name, value);
  }
  for (const [name, value] of Object.entries(more)) sent.setHeader(name, value);
  if (isVouchable(request)) sent.setHeader(PROOF_HEADER, proof);
  return sent;
}

/** Tells if the request names this machine, and nothing in it says otherwise to wrangler. */
function isVouchable(request: IncomingMessage): boolean {
  if (OPEN_PATH.test(request.url ?? "")) return false;
  if (headersOf(request).some(([name]) => WRANGLER_HEADER.test(name))) return false;
  return LOOPBACK_HOST.test(request.headers.host ?? "");
}

/** Returns why the request is not handed on; null when nothing speaks against it. */
function refusalOf(request: IncomingMessage, { front }: Pass): Refusal | null {
  const hosts = headersOf(request).filter(([name]) => name.toLowerCase() === "host");
  // Of two names, or of a whole URL as the path, wrangler could take another than the one that is checked here.
  if (hosts.length !== 1) return { status: 400, text: "Send one Host header." };
  if (!request.url?.startsWith("/")) return { status: 400, text: "Ask for a path, which begins with a slash." };
  return front.target === null ? { status: 503, text: "The Worker is starting. Try again." } : null;
}

function relay(answered: IncomingMessage, response: ServerResponse, { seen }: Pass): void {
  seen();
  response.sendDate = false;
  for (const [name, value] of headersOf(answered)) {
    const lower = name.toLowerCase();
    if (!CONNECTION_HEADERS.has(lower) && lower !== "transfer-encoding") response.appendHeader(name, value);
  }
  response.writeHead(answered.statusCode ?? 502, answered.statusMessage);
  response.write(NOTHING);
  answered.on("data", seen).once("error", () => response.destroy());
  answered.pipe(response);
}

function answer(response: ServerResponse, { status, text }: Refusal): void {
  const retry = status === 503 ? { "retry-after": "1" } : {};
  response.writeHead(status, { "content-type": "text/plain", connection: "close", ...retry });
  response.end(`${text}\n`);
}

/** Returns an answer's first lines as bytes. */
function headOf(answered: IncomingMessage): Buffer {
  const lines = headersOf(answered).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${answered.statusCode} ${answered.statusMessage}\r\n${lines.join("")}\r\n`, "latin1");
}

function headersOf({ rawHeaders }: IncomingMessage): [name: string, value: string][] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : []));
}
