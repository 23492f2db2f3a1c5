import { ConfigReader } from "../../shared/config.ts";
import { DAY_MS } from "../../shared/time.ts";
import { type ForwardSecret, readForwardSecret } from "./verify/forward-secret.ts";
import { readSources, type Source } from "./verify/source.ts";

/** The receiver's configuration, checked. The bindings are declared where they are used, in `log/logs.ts`. */

/** Variables as wrangler.receiver.toml declares them. */
export type Vars = {
  WEBHOOK_SECRET: string;
  API_TOKEN: string;
  LOCAL_DEV: string;
  RETENTION_DAYS: string;
  FLUSH_SECONDS: string;
  GRACE_SECONDS: string;
  MAX_BODY_BYTES: string;
  SCAN_BYTES: string;
  STORAGE_LIMIT_MB?: string;
  FORWARD_SECRET?: string;
  DOH_URL?: string;
  /** Tables by the source's name, as the TOML file has them, or the same as JSON. */
  SOURCES?: unknown;
};

/** Values of the variables. Durations are milliseconds, sizes bytes. */
export type Config = {
  apiToken: string;
  localDev: boolean;
  /** Sources by name, `default` among them. */
  sources: ReadonlyMap<string, Source>;
  /** FORWARD_SECRET, which signs the events that are sent on. */
  forwardSecret: ForwardSecret;
  /** Resolver that checks a hostname before anything is sent there; empty for none. */
  dohUrl: string;
  retentionMs: number;
  flushMs: number;
  graceMs: number;
  maxBodyBytes: number;
  scanBytes: number;
  /** Storage that one Inbox may use. */
  storageLimit: number;
};

// A body must fit into a row of 2 MB together with its headers, of which at most 128 KiB reach a Worker.
const MAX_BODY_BYTES_LIMIT = 1.5 * 1024 * 1024;

const configs = new WeakMap<object, Config>();

/**
 * Returns the configuration of an environment, which is read once.
 *
 * @throws ConfigError naming everything that is missing or malformed.
 */
export function configOf(env: Vars): Config {
  let config = configs.get(env);
  if (config === undefined) {
    config = readConfig(env);
    configs.set(env, config);
  }
  return config;
}

function readConfig(env: Vars): Config {
  const reader = new ConfigReader(env);
  if (!("INBOX" in env)) reader.fault("the Durable Object binding INBOX is missing");
  if (!("EVENTS" in env)) reader.fault("the KV binding EVENTS is missing");
  const sources = sourcesOf(reader, env);
  const config = {
    apiToken: reader.token("API_TOKEN"),
    localDev: reader.flag("LOCAL_DEV"),
    sources,
    forwardSecret: readForwardSecret(reader.text("FORWARD_SECRET"), [...sources.values()]),
    dohUrl: reader.text("DOH_URL"),
    retentionMs: reader.number("RETENTION_DAYS", 30, { min: 1, max: 3650 }) * DAY_MS,
    flushMs: reader.number("FLUSH_SECONDS", 300, { min: 1, max: 86_400 }) * 1000,
    graceMs: reader.number("GRACE_SECONDS", 300, { min: 0, max: 86_400 }) * 1000,
    maxBodyBytes: reader.number("MAX_BODY_BYTES", 1_048_576, { min: 1, max: MAX_BODY_BYTES_LIMIT }),
    scanBytes: reader.number("SCAN_BYTES", 2_097_152, { min: 1, max: 26_214_400 }),
    storageLimit: reader.number("STORAGE_LIMIT_MB", 1000, { min: 1, max: 10_000 }) * 1_000_000,
  };
  reader.check();
  return config;
}

/** Returns the sources. A mistake in one source is that source's fault alone: the others go on, and `/health` fails. */
function sourcesOf(reader: ConfigReader, env: Vars): ReadonlyMap<string, Source> {
  const secrets = reader
    .required("WEBHOOK_SECRET")
    .split(" ")
    .filter((secret) => secret !== "");
  const sources = readSources(env.SOURCES, env, secrets);
  if (sources === null) reader.fault("SOURCES is not a table of sources");
  return sources ?? new Map();
}
