import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { LegacyWorkerOptions } from "miniflare";
import { unstable_readConfig } from "wrangler";

/** Builds the Workers of a measurement: ours as their TOML files configure them, and bare ones. */

const run = promisify(execFile);
export const ROOT = resolve(import.meta.dirname, "../../..");
const WORKERS = resolve(import.meta.dirname, "../workers");
export const HOST = "127.0.0.1";

/** A Worker's place: the folder for its bundle, its port, its variables. */
export type Placed = { dir: string; port: number; vars: Record<string, string> };

/** Entry of a Worker of ours: one that counts its rows alone, or all that is billed. */
export type Entry = "measured" | "counted";

/** The counting needs to know which object a timer belongs to. */
const COUNTING_FLAG = "nodejs_als";

/** The parts of a TOML file that are used here; wrangler's own type of it names packages that are not installed. */
type Toml = {
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Record<string, string>;
  durable_objects: { bindings: { name: string; class_name: string }[] };
  kv_namespaces: { binding: string }[];
};

export async function fromToml(
  name: "sender" | "receiver",
  entry: Entry,
  { dir, port, vars }: Placed,
): Promise<LegacyWorkerOptions> {
  const configPath = join(ROOT, `wrangler.${name}.toml`);
  const config: Toml = unstable_readConfig({ config: configPath });
  const classes = config.durable_objects.bindings.map((binding) => [binding.name, binding.class_name] as const);
  const flags = [...config.compatibility_flags, ...(entry === "counted" ? [COUNTING_FLAG] : [])];
  const args = [join(WORKERS, `${entry}-${name}.ts`), "-c", configPath, "--compatibility-flags", ...flags];
  return {
    ...(await script(name, args, dir)),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: flags,
    bindings: { ...config.vars, ...vars },
    durableObjects: Object.fromEntries(
      classes.map(([binding, className]) => [binding, { className, useSQLite: true }]),
    ),
    kvNamespaces: config.kv_namespaces.map(({ binding }) => binding),
    unsafeDirectSockets: [{ host: HOST, port }],
  };
}

/** Builds a Worker without bindings from a file of `test/bench/workers`. */
export async function bare(name: string, entry: string, { dir, port, vars }: Placed): Promise<LegacyWorkerOptions> {
  const compatibilityDate = "2026-11-02";
  const args = [join(WORKERS, entry), "--name", name, "--compatibility-date", compatibilityDate];
  return {
    ...(await script(name, args, dir)),
    compatibilityDate,
    bindings: vars,
    unsafeDirectSockets: [{ host: HOST, port }],
  };
}

/** wrangler names what it does not bundle after its content. */
const TEXT_MODULE = /^[0-9a-f]{40}-/;

/** Bundles as `npm run deploy` would. @returns the bundle and the text modules beside it that it imports */
async function script(name: string, args: string[], dir: string) {
  const outdir = join(dir, name);
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const wrangler = join(ROOT, "node_modules/.bin/wrangler");
  await run(wrangler, ["deploy", ...args, "--dry-run", "--outdir", outdir], { env, cwd: dir });
  const files = readdirSync(outdir).filter((file) => file.endsWith(".js") || TEXT_MODULE.test(file));
  const modules = files.map((file) => {
    const path = join(outdir, file);
    const type = TEXT_MODULE.test(file) ? ("Text" as const) : ("ESModule" as const);
    return { type, path, contents: readFileSync(path, "utf8") };
  });
  // The first module is the entry.
  return { name, modules: modules.sort((a, b) => a.type.localeCompare(b.type)), modulesRoot: outdir };
}
