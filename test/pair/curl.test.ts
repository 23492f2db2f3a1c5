import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CurlRequest, curlOf, MAX_INLINE_BYTES, repeatable } from "../../shared/pages/curl.ts";
import type { HeaderList } from "../../workers/receiver/event/headers.ts";

const run = promisify(execFile);

type Received = { method: string; url: string; rawHeaders: string[]; body: Buffer };
const received: Received[] = [];
/** The authorization that a GET of the body must have, and the one that the last GET had. */
let wanted: string | undefined;
let authorized: string | undefined;
const big = Buffer.alloc(MAX_INLINE_BYTES + 1, "'$\0é");

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.method === "GET") {
    authorized = request.headers.authorization;
    return void response.writeHead(authorized === wanted ? 200 : 401).end(authorized === wanted ? big : "refused");
  }
  received.push({
    method: request.method ?? "",
    url: request.url ?? "",
    rawHeaders: request.rawHeaders,
    body: Buffer.concat(chunks),
  });
  response.end();
});
let origin = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

/** Runs the line in a shell, without the tester's own curl configuration. @returns what arrived */
async function sent(shell: string, headers: HeaderList, body: Uint8Array, token?: string): Promise<Received> {
  received.length = 0;
  return sentTo(shell, { method: "POST", url: `${origin}/webhook/a`, headers, body }, token);
}

/** Runs the command of any request in a shell. */
async function sentTo(shell: string, request: Omit<CurlRequest, "bodyUrl">, token?: string): Promise<Received> {
  received.length = 0;
  const line = curlOf({ ...request, bodyUrl: `${origin}/events/1/body` });
  // A person pastes the line into a terminal, so it must hold no control characters.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  expect(line).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
  const { API_TOKEN: _own, ...env } = process.env;
  const variables = token === undefined ? {} : { API_TOKEN: token };
  await run(shell, ["-c", line], { env: { ...env, CURL_HOME: "/nowhere", HOME: "/nowhere", ...variables } });
  expect(received).toHaveLength(1);
  return received[0] as Received;
}

const utf8 = (text: string) => new TextEncoder().encode(text);

describe.each(["sh", "bash"])("curlOf, run by %s,", (shell) => {
  const bodies: [name: string, body: Uint8Array][] = [
    ["nothing", utf8("")],
    ["JSON", utf8('{"type":"order.paid","data":{"total":42}}')],
    ["quotes", utf8(`it's "quoted" ''' \\' \\"`)],
    ["what shells expand", utf8(`$HOME \${HOME} $(id) \`id\` !! !$ ~ * ? {a,b} $'x' \\n \\\\`)],
    ["newlines at both ends", utf8("\n\na\nb\n\n")],
    ["carriage returns", utf8("a\r\nb\r")],
    ["a tab", utf8("a\tb")],
    ["a leading @", utf8("@/etc/passwd")],
    ["a leading @ and a NUL", utf8("@a\0b")],
    ["a leading dash and a NUL", utf8("-n\0")],
    ["percent signs and a NUL", utf8("100% %s %n %% \\0 \\\\ 'q' \0")],
    ["NUL before digits", utf8("\u00001234\x2e7")],
    ["every byte", Uint8Array.from({ length: 256 }, (_, byte) => byte)],
    ["invalid UTF-8", new Uint8Array([0xff, 0xfe, 0x41, 0xc3])],
    ["a byte order mark", new Uint8Array([0xef, 0xbb, 0xbf, 0x41])],
    ["other scripts", utf8("žluťoučký 你好 🎉 \u202eevil")],
    ["a here document's end", utf8("EOF\n; rm -rf /nowhere #")],
    ["as much text as stands in the line", utf8(`${"'".repeat(1000)}${"x".repeat(MAX_INLINE_BYTES - 1000)}`)],
    ["more than stands in the line", big],
  ];
  it.each(bodies)("sends %s", async (_name, body) => {
    expect((await sent(shell, [["content-type", "text/plain"]], body)).body.equals(body)).toBe(true);
  });

  it.each([
    ["with the token", "t'$ *x", "Bearer t'$ *x"],
    ["without one", undefined, undefined],
    ["with an empty one", "", undefined],
  ])("fetches what does not stand in the line %s", async (_what, token, authorization) => {
    wanted = authorization;
    const { body } = await sent(shell, [["content-type", "text/plain"]], big, token);
    wanted = undefined;
    expect([body.equals(big), authorized]).toEqual([true, authorization]);
  });

  it("does not send a refusal in place of the body", async () => {
    wanted = "Bearer right";
    const { body } = await sent(shell, [["content-type", "text/plain"]], big, "wrong");
    wanted = undefined;
    expect(body).toHaveLength(0);
  });

  it("sends the headers, and no others of its own but those of the connection", async () => {
    const headers: HeaderList = [
      ["user-agent", 'it\'s $HOME `id` "x" 100%'],
      ["accept", "*/*"],
      ["x-empty", ""],
      ["x-at", "@/etc/passwd"],
      ["x'odd!name", "a; b, c"],
      ["x-tab", "a\tb"],
    ];
    const { rawHeaders, url } = await sent(shell, headers, utf8("{}"));
    const pairs = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1]]] : []));
    expect(url).toBe("/webhook/a");
    expect(pairs.filter(([name]) => !/^(host|content-length)$/i.test(name ?? ""))).toEqual(headers);
  });

  it.each([
    ["/webhook/a"],
    ["/webhook/a?"],
    ["/webhook/twilio?name=O'Brien"],
    ["/webhook/a?ids[]=1&ids[]=2&range=[1-3]"],
    ['/webhook/a?x={a,b}&y=$HOME`id`&z="q"\\&w=%zz;%20+!'],
    ["/webhook/a/?token=(masked)&a=http://b/c?d"],
    ["/webhook/%6fpen?x=%C3%A9"],
  ])("sends to %s", async (target) => {
    const headers: HeaderList = [["content-type", "text/plain"]];
    const { url } = await sentTo(shell, { method: "POST", url: origin + target, headers, body: utf8("x") });
    expect(url).toBe(target);
  });

  it.each([["POST"], ["PUT"], ["PATCH"], [null]])("sends with the method %s", async (method) => {
    const { method: sentMethod } = await sentTo(shell, { method, url: `${origin}/a`, headers: [], body: utf8("x") });
    expect(sentMethod).toBe(method ?? "POST");
  });
});

describe("repeatable", () => {
  it("leaves out what belongs to the way here, and leaves a masked secret its place", () => {
    const kept: HeaderList = [
      ["content-type", "application/json"],
      ["webhook-id", "msg_1"],
      ["user-agent", "x"],
      ["authorization", "(masked)"],
    ];
    const dropped: HeaderList = [
      ["host", "a"],
      ["content-length", "2"],
      ["accept-encoding", "gzip"],
      ["cf-connecting-ip", "192.0.2.1"],
      ["x-forwarded-proto", "https"],
    ];
    expect(repeatable([...kept, ...dropped])).toEqual(kept);
  });
});
