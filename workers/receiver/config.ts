import { type AlertsConfig, alertSettings, alertsFrom } from "../../shared/alerts/settings.ts";
import {
  ConfigReader,
  flagSetting,
  type Setting,
  tokenSetting,
  trustedUrlSetting,
  wholeSetting,
} from "../../shared/config.ts";
import { checkUrl, explainAddress } from "../../shared/outgoing/address.ts";
import { DAY_MS } from "../../shared/time.ts";
import { type ForwardSecret, readForwardSecret } from "./verify/forward-secret.ts";
import { readSources, type Source } from "./verify/source.ts";

/** The receiver's configuration, checked. The bindings are declared where they are used, in `log/logs.ts`. */

// A body must fit into a row of 2 MB together with its headers, of which at most 128 KiB reach a Worker.
const MAX_BODY_BYTES_LIMIT = 1.5 * 1024 * 1024;

/** Secrets whose mistakes are the matter of a source, or of forwarding, alone. */
const someSecrets = (fallback: string | null): Setting<string> => ({
  fallback,
  bounds: "24 to 64 bytes",
  read: (text) => text,
});

/** `refused`: requests in a minute. `kv`: minutes for which KV fails. `storage`: percent. `silent`: where a source says so. */
const ALERT_WORDS = {
  refused: { min: 1, max: 100_000 },
  kv: { min: 0, max: 10_080 },
  storage: { min: 1, max: 100 },
  silent: null,
};

/** The variables that wrangler.receiver.toml declares, but for SOURCES, which is a table. */
export const RECEIVER_SETTINGS = {
  WEBHOOK_SECRET: someSecrets(null),
  API_TOKEN: tokenSetting,
  FORWARD_SECRET: someSecrets(""),
  RETENTION_DAYS: wholeSetting(30, { min: 1, max: 3650, unit: DAY_MS }),
  FLUSH_SECONDS: wholeSetting(300, { min: 1, max: 86_400, unit: 1000 }),
  GRACE_SECONDS: wholeSetting(300, { min: 0, max: 86_400, unit: 1000 }),
  MAX_BODY_BYTES: wholeSetting(1_048_576, { min: 1, max: MAX_BODY_BYTES_LIMIT }),
  SCAN_BYTES: wholeSetting(2_097_152, { min: 1, max: 26_214_400 }),
  STORAGE_LIMIT_MB: wholeSetting(1000, { min: 1, max: 10_000, unit: 1_000_000 }),
  DOH_URL: trustedUrlSetting,
  SENDER_URL: trustedUrlSetting,
  ...alertSettings(ALERT_WORDS, "refused 60, kv 10, storage 70, silent"),
  LOCAL_DEV: flagSetting,
};

/** `SOURCES`: tables by the source's name, as the TOML file has them, or the same as JSON. */
export type Vars = Record<keyof typeof RECEIVER_SETTINGS, string> & { SOURCES?: unknown };

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
  /** Address of the sender's pages, which ours link to; empty for none. */
  senderUrl: string;
  retentionMs: number;
  flushMs: number;
  graceMs: number;
  maxBodyBytes: number;
  scanBytes: number;
  /** Storage that one Inbox may use. */
  storageLimit: number;
  alerts: AlertsConfig<keyof typeof ALERT_WORDS>;
};

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
  const values = reader.read(RECEIVER_SETTINGS);
  // A mistake in one source is that source's fault alone: the others go on, and `/health` fails.
  const sources = readSources(env.SOURCES, env, secretsIn(env.WEBHOOK_SECRET)) ?? new Map<string, Source>();
  const alertUrl = checkUrl(values.ALERT_URL, { allowLoopback: values.LOCAL_DEV });
  if (values.ALERT_URL !== "" && !alertUrl.ok) reader.fault(`ALERT_URL ${explainAddress[alertUrl.reason]}`);
  if (sources.size === 0) reader.fault("SOURCES is not a table of sources");
  reader.check();
  return {
    apiToken: values.API_TOKEN,
    localDev: values.LOCAL_DEV,
    sources,
    forwardSecret: readForwardSecret(values.FORWARD_SECRET, [...sources.values()]),
    dohUrl: values.DOH_URL,
    senderUrl: values.SENDER_URL,
    retentionMs: values.RETENTION_DAYS,
    flushMs: values.FLUSH_SECONDS,
    graceMs: values.GRACE_SECONDS,
    maxBodyBytes: values.MAX_BODY_BYTES,
    scanBytes: values.SCAN_BYTES,
    storageLimit: values.STORAGE_LIMIT_MB,
    alerts: alertsFrom(values),
  };
}

function secretsIn(text: unknown): string[] {
  return String(text ?? "")
    .split(" ")
    .filter((secret) => secret !== "");
}
