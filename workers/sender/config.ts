import { ConfigReader } from "../../shared/config.ts";
import { parseSecrets } from "../../shared/signing/secret.ts";
import { DAY_MS } from "../../shared/time.ts";
import { RETRY_DELAYS_SECONDS } from "./model/retry-schedule.ts";

/** The variables of the sender, read and checked once. It knows no binding: those are named where they are used. */

/** The variables as wrangler.sender.toml declares them. */
export type Vars = {
  WEBHOOK_SECRET?: string;
  API_TOKEN?: string;
  LOCAL_DEV?: string;
  WEBHOOK_URL?: string;
  PERIODIC_SECONDS?: string;
  RETENTION_DAYS?: string;
  RETRY_SECONDS?: string;
  LEASE_SECONDS?: string;
  STORAGE_LIMIT_MB?: string;
  DOH_URL?: string;
};

/** The checked variables. Durations are in milliseconds, sizes in bytes. */
export type Config = {
  apiToken: string;
  localDev: boolean;
  /** URL of the default endpoint; null when there is none. */
  webhookUrl: string | null;
  /** Secrets of the default endpoint, space separated, the newest first. */
  webhookSecret: string;
  periodicMs: number;
  retentionMs: number;
  retryMs: readonly number[];
  leaseMs: number;
  storageLimit: number;
  /** The resolver that looks hostnames up before a POST; empty for none. */
  dohUrl: string;
};

/** The tenant that every Durable Object name begins with; one today. */
export const TENANT = "default";

const parsed = new WeakMap<object, Config>();

/**
 * Returns the configuration of an environment, read once.
 *
 * @throws ConfigError naming every variable that is missing or malformed.
 */
export function configOf(env: Vars): Config {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const config = readConfig(env);
  parsed.set(env, config);
  return config;
}

function readConfig(env: Vars): Config {
  const read = new ConfigReader(env);
  for (const binding of ["OUTBOX", "ENDPOINT"]) {
    if (!(binding in env)) read.fault(`the binding ${binding} is missing`);
  }
  const config: Config = {
    apiToken: read.token("API_TOKEN"),
    localDev: read.flag("LOCAL_DEV"),
    webhookUrl: read.text("WEBHOOK_URL") || null,
    webhookSecret: read.required("WEBHOOK_SECRET"),
    periodicMs: read.number("PERIODIC_SECONDS", 60, { min: 0, max: 86_400 }) * 1000,
    retentionMs: read.number("RETENTION_DAYS", 30, { min: 1, max: 365 }) * DAY_MS,
    retryMs: retryDelays(read),
    leaseMs: read.number("LEASE_SECONDS", 300, { min: 1, max: 3600 }) * 1000,
    storageLimit: read.number("STORAGE_LIMIT_MB", 1000, { min: 1, max: 10_000 }) * 1_000_000,
    dohUrl: read.text("DOH_URL"),
  };
  checkWebhookSecret(read, config.webhookSecret);
  if (config.webhookUrl !== null && !/^https?:$/.test(URL.parse(config.webhookUrl)?.protocol ?? "")) {
    read.fault("WEBHOOK_URL is not an http or https URL");
  }
  read.check();
  return config;
}

function retryDelays(read: ConfigReader): number[] {
  const text = read.text("RETRY_SECONDS");
  if (text === "") return RETRY_DELAYS_SECONDS.map((seconds) => seconds * 1000);
  const delays = text.split(" ").filter((part) => part !== "");
  if (!delays.every((part) => /^\d{1,7}(\.\d+)?$/.test(part))) {
    read.fault("RETRY_SECONDS is not a list of seconds separated by spaces");
  }
  return delays.map((part) => Number(part) * 1000);
}

function checkWebhookSecret(read: ConfigReader, secret: string): void {
  if (secret === "") return;
  try {
    parseSecrets("WEBHOOK_SECRET", secret);
  } catch (error) {
    read.fault(error instanceof Error ? error.message : "WEBHOOK_SECRET is malformed");
  }
}
