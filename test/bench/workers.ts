import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { convertV4MiniflareOptions, type LegacyWorkerOptions, Miniflare } from "miniflare";
import { unstable_readConfig } from "wrangler";

/**
 * Starts the Workers on sockets of their own, without the entry of `wrangler dev`, which costs more time than they do.
 * Each is configured by its own TOML file.
 */

export type Pair = {
  dir: string;
  urls: { sender: string; receiver: string; relay: string; verifier: string };
  close(): Promise<void>;
};

/** One Worker by itself, on a socket of its own. */
export type Alone = { url: string; dir: string; close(): Promise<void> };

export const TOKEN = "bench-token-of-25-letters";
export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROOT = resolve(import.meta.dirname, "../..");
const HOST = "127.0.0.1";
type Vars = Record<string, string>;
/** The parts of a TOML file that are used here; wrangler's own type of it names packages that are not installed. */
type Toml = {
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Vars;
  durable_objects: { bindings: { name: string; class_name: string }[] };
  kv_namespaces: { binding: string }[];
};

/** Starts one Worker whose entry is a file of this folder. */
export async function startAlone(entry: string): Promise<Alone> {
  const dir = tempDir();
  const [port] = await freePorts(1);
  const worker = bare("alone", { entry, dir, port, vars: {} });
  const miniflare = new Miniflare(convertV4MiniflareOptions({ handleStructuredLogs: passOn, workers: [worker] }));
  await miniflare.ready;
  return { url: at(port), dir, close: () => miniflare.dispose() };
}

export async function startWorkers(vars: Vars = {}): Promise<Pair> {
  const dir = tempDir();
  const [sender, receiver, relay, verifier] = await freePorts(4);
  const base = { API_TOKEN: TOKEN, WEBHOOK_SECRET: SECRET, PERIODIC_SECONDS: "0", DOH_URL: "", LOCAL_DEV: "true" };
  const sending = { ...base, WEBHOOK_URL: `${at(receiver)}/webhook`, ...vars };
  const options = convertV4MiniflareOptions({
    resourcePersistencePath: join(dir, "state"),
    handleStructuredLogs: passOn,
    workers: [
      fromToml("sender", { dir, port: sender, vars: sending }),
      fromToml("receiver", { dir, port: receiver, vars: { ...base, ...vars } }),
      bare("relay", {
        entry: "relay.ts",
        dir,
        port: relay,
        vars: { WEBHOOK_SECRET: SECRET, TARGET: `${at(verifier)}/verify` },
      }),
      bare("verifier", { entry: "relay.ts", dir, port: verifier, vars: { WEBHOOK_SECRET: SECRET, TARGET: "" } }),
    ],
  });
  const miniflare = new Miniflare(options);
  await miniflare.ready;
  return {
    dir,
    urls: { sender: at(sender), receiver: at(receiver), relay: at(relay), verifier: at(verifier) },
    close: () => miniflare.dispose(),
  };
}

function tempDir(): string {
  return mkdtempSync(join(tmpdir(), "webhooks-bench-"));
}

function at(port: number): string {
  return `http://${HOST}:${port}`;
}

/** Prints what Workers print, except their log of each event, which would bury the numbers. */
function passOn({ message }: { message: string }): void {
  if (!message.startsWith('{"event":')) process.stderr.write(`${message}\n`);
}

type Placed = { dir: string; port: number; vars: Vars };

function fromToml(name: "sender" | "receiver", { dir, port, vars }: Placed): LegacyWorkerOptions {
  const configPath = join(ROOT, `wrangler.${name}.toml`);
  const config: Toml = unstable_readConfig({ config: configPath });
  const classes = config.durable_objects.bindings.map((binding) => [binding.name, binding.class_name] as const);
  return {
    ...script(name, build(name, [join(import.meta.dirname, `measured-${name}.ts`), "-c", configPath], dir)),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: { ...config.vars, ...vars },
    durableObjects: Object.fromEntries(
      classes.map(([binding, className]) => [binding, { className, useSQLite: true }]),
    ),
    kvNamespaces: config.kv_namespaces.map(({ binding }) => binding),
    unsafeDirectSockets: [{ host: HOST, port }],
  };
}

function bare(name: string, { entry, dir, port, vars }: Placed & { entry: string }): LegacyWorkerOptions {
  const compatibilityDate = "2026-11-02";
  const args = [join(import.meta.dirname, entry), "--name", name, "--compatibility-date", compatibilityDate];
  return {
    ...script(name, build(name, args, dir)),
    compatibilityDate,
    bindings: vars,
    unsafeDirectSockets: [{ host: HOST, port }],
  };
}

/** Bundles as `npm run deploy` would, into the run's own folder. */
function build(name: string, args: string[], dir: string): string {
  const outdir = join(dir, name);
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  execFileSync(join(ROOT, "node_modules/.bin/wrangler"), ["deploy", ...args, "--dry-run", "--outdir", outdir], {
    env,
    cwd: dir,
  });
  return outdir;
}

/** wrangler names what it does not bundle after its content. */
const TEXT_MODULE = /^[0-9a-f]{40}-/;

/** Returns the bundle and the text modules beside it that it imports. */
function script(name: string, outdir: string) {
  const files = readdirSync(outdir).filter((file) => file.endsWith(".js") || TEXT_MODULE.test(file));
  const modules = files.map((file) => {
    const path = join(outdir, file);
    const type = TEXT_MODULE.test(file) ? ("Text" as const) : ("ESModule" as const);
    return { type, path, contents: readFileSync(path, "utf8") };
  });
  // The first module is the entry.
  return { name, modules: modules.sort((a, b) => a.type.localeCompare(b.type)), modulesRoot: outdir };
}

async function freePorts(count: number): Promise<[number, number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, HOST, done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports as [number, number, number, number];
}
