import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, SECRET } from "../support/start.ts";
import { print, until } from "../support/tools.ts";

/** Starts other programs that send or receive webhooks, those that are installed. */

/** A program that runs. `scheme`: the signature that it verifies. */
export type Peer = { name: string; url: string; scheme: "standard" | "github"; close(): Promise<void> };

/** Starts the Flask sender of a first lesson; null where Python has no Flask or no `requests`. */
export async function flaskSender(target: string): Promise<Peer | null> {
  if (spawnSync("python3", ["-c", "import flask, requests"]).status !== 0) return skipped("Flask with requests");
  const script = join(import.meta.dirname, "flask-sender.py");
  return start("Flask, requests", "python3", (port) => [script, port, target], "/trigger");
}

export function nodeSender(target: string): Promise<Peer> {
  const script = join(import.meta.dirname, "node-sender.ts");
  return start("Node, standardwebhooks", process.execPath, (port) => [script, port, target, SECRET], "/trigger");
}

export function nodeReceiver(): Promise<Peer> {
  const script = join(import.meta.dirname, "node-receiver.ts");
  return start("Node, standardwebhooks", process.execPath, (port) => [script, port, SECRET], "/");
}

/** Starts Debian's `webhook`, which runs a command for each genuine request; null where it is not installed. */
export async function debianWebhook(dir: string): Promise<Peer | null> {
  if (spawnSync("webhook", ["-version"]).status !== 0) return skipped("Debian's webhook");
  const hooks = join(dir, "hooks.json");
  const parameter = { source: "header", name: "X-Hub-Signature-256" };
  const match = { type: "payload-hmac-sha256", secret: SECRET, parameter };
  const hook = { id: "bench", "execute-command": "/bin/true", "trigger-rule": { match } };
  writeFileSync(hooks, JSON.stringify([{ ...hook, "trigger-rule-mismatch-http-response-code": 403 }]));
  const args = (port: string) => ["-hooks", hooks, "-ip", "127.0.0.1", "-port", port];
  const peer = await start("Debian's webhook", "webhook", args, "/hooks/bench");
  return { ...peer, scheme: "github" };
}

function skipped(name: string): null {
  print(`${name}: skipped, as it is not installed`);
  return null;
}

async function start(name: string, command: string, args: (port: string) => string[], path: string): Promise<Peer> {
  const port = await freePort();
  const child = spawn(command, args(String(port)), { stdio: "ignore" });
  await until(`${name} listens`, () => listens(port), 20_000);
  return { name, url: `http://127.0.0.1:${port}${path}`, scheme: "standard", close: () => end(child) };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
