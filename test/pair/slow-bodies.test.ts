import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { residentBytes } from "./processes.ts";
import { freePorts, runWorker, temporaryFolder } from "./workers.ts";

/** Bodies that are announced and do not come: each costs what arrived, and ends. All wait at once, for 20 s. */

const MIB = 1024 * 1024;
const CONNECTIONS = 200;
/** Longer than a body may take, shorter than a socket would be kept by anything else. */
const PATIENCE_MS = 40_000;

const cases = [
  { name: "receiver", path: "/webhook" },
  { name: "sender", path: "/events" },
] as const;

/** Ways in which a body does not end; the time between bytes is shorter than any idle timeout. */
const WAYS: [way: string, headers: string[], send: (socket: Socket) => void][] = [
  ["announced, and not begun", ["content-length: 100"], () => {}],
  ["announced, and half of it", ["content-length: 100"], (socket) => void socket.write("x".repeat(50))],
  ["a byte a second", ["content-length: 100000"], drip],
  ["in chunks without an end", ["transfer-encoding: chunked"], (socket) => void socket.write("4\r\nhalf\r\n")],
  ["in chunks, a byte a second", ["transfer-encoding: chunked"], dripChunks],
];

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write("x"), 1000);
  socket.on("close", () => clearInterval(timer));
}

function dripChunks(socket: Socket): void {
  const timer = setInterval(() => socket.write("1\r\nx\r\n"), 1000);
  socket.on("close", () => clearInterval(timer));
}

describe.concurrent.each(cases)("a body that does not come to the $name", ({ name, path }) => {
  const folder = temporaryFolder();
  let worker: WorkerProcess | undefined;
  let url: URL;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    worker = await runWorker(name, { port, stateDir: folder.path, vars: { WEBHOOK_URL: "" } });
    url = new URL(worker.url);
  });
  afterAll(async () => {
    await worker?.stop();
    folder.remove();
  });

  /** Begins a request; `ended` resolves to the status of its answer once the connection is closed. */
  function begin(...lines: string[]): { socket: Socket; ended: Promise<number> } {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const socket = connect(Number(url.port), url.hostname);
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      const [, status = "0"] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
      resolve(Number(status));
    });
    socket.setTimeout(PATIENCE_MS, () => {
      reject(new Error("the connection was not ended"));
      socket.destroy();
    });
    const head = [`POST ${path} HTTP/1.1`, "host: localhost", "content-type: application/json", ...lines, "", ""];
    socket.write(head.join("\r\n"));
    return { socket, ended: promise };
  }

  it(`costs little, of ${CONNECTIONS} that announce a mebibyte and send a byte, and ends with 408`, async () => {
    // The first requests cost more than those after them.
    const usual = Array.from({ length: 50 }, () => fetch(new URL(path, url), { method: "POST", body: "{}" }));
    await Promise.all((await Promise.all(usual)).map((answer) => answer.text()));
    const before = await residentBytes(worker?.pid ?? 0);
    const begun = Array.from({ length: CONNECTIONS }, () => begin(`content-length: ${MIB}`));
    for (const { socket } of begun) socket.write("{");
    await delay(5000);
    const during = await residentBytes(worker?.pid ?? 0);
    if (before !== null && during !== null) expect(during - before).toBeLessThan((CONNECTIONS / 2) * MIB);
    expect((await fetch(new URL("/health", url))).status).toBe(200);
    const ends = await Promise.all(begun.map(({ ended }) => ended));
    expect([...new Set(ends)]).toEqual([408]);
  });

  it("ends with 408 in whatever way it does not come", async () => {
    const ends = WAYS.map(async ([way, headers, send]) => {
      const { socket, ended } = begin(...headers);
      send(socket);
      return [way, await ended];
    });
    expect(await Promise.all(ends)).toEqual(WAYS.map(([way]) => [way, 408]));
  });
});
