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
import { parseSecrets } from "../../shared/signing/secret.ts";
import { DAY_MS } from "../../shared/time.ts";
import { RETRY_DELAYS_SECONDS } from "./model/retry-schedule.ts";

/** The variables of the sender, read and checked once. It knows no binding: those are named where they are used. */

const MAX_VARIABLE_URL = 2048;
const MAX_DELAYS = 100;
const MAX_DELAY_SECONDS = 2_592_000;

const secretsSetting: Setting<string> = {
  fallback: null,
  bounds: "24 to 64 bytes",
  read: (text) => (parseSecrets("WEBHOOK_SECRET", text).length > 0 ? text : undefined),
};

/** Delays in milliseconds. */
const delaysSetting: Setting<readonly number[]> = {
  fallback: RETRY_DELAYS_SECONDS.join(" "),
  bounds: "1 to 100 delays of 0 to 2,592,000 seconds",
  read: (text) => {
    const delays = text.split(" ").filter((part) => part !== "");
    const fits = (part: string) => /^\d{1,7}(\.\d{1,3})?$/.test(part) && Number(part) <= MAX_DELAY_SECONDS;
    if (delays.length === 0 || delays.length > MAX_DELAYS || !delays.every(fits)) return undefined;
    return delays.map((part) => Math.round(Number(part) * 1000));
  },
};

const urlSetting: Setting<string> = {
  fallback: "",
  bounds: "a URL that may be called",
  read: (text: string) => (text.length <= MAX_VARIABLE_URL ? text : undefined),
};

/** `failing`: minutes in which every attempt failed. `storage`: percent. */
const ALERT_WORDS = { failing: { min: 0, max: 10_080 }, dead: null, disabled: null, storage: { min: 1, max: 100 } };

/** The variables that wrangler.sender.toml declares. */
export const SENDER_SETTINGS = {
  WEBHOOK_SECRET: secretsSetting,
  API_TOKEN: tokenSetting,
  WEBHOOK_URL: urlSetting,
  PERIODIC_SECONDS: wholeSetting(60, { min: 0, max: 86_400, unit: 1000 }),
  RETENTION_DAYS: wholeSetting(30, { min: 1, max: 3650, unit: DAY_MS }),
  RETRY_SECONDS: delaysSetting,
  LEASE_SECONDS: wholeSetting(300, { min: 1, max: 3600, unit: 1000 }),
  STORAGE_LIMIT_MB: wholeSetting(1000, { min: 1, max: 10_000, unit: 1_000_000 }),
  DOH_URL: trustedUrlSetting,
  RECEIVER_URL: trustedUrlSetting,
  ...alertSettings(ALERT_WORDS, "failing 10, dead, disabled, storage 70"),
  LOCAL_DEV: flagSetting,
};

export type Vars = { [Name in keyof typeof SENDER_SETTINGS]?: string };

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
  /** Address of the receiver's pages, which ours link to; empty for none. */
  receiverUrl: string;
  alerts: AlertsConfig<keyof typeof ALERT_WORDS>;
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
  const reader = new ConfigReader(env);
  for (const binding of ["OUTBOX", "ENDPOINT"]) {
    if (!(binding in env)) reader.fault(`the binding ${binding} is missing`);
  }
  const values = reader.read(SENDER_SETTINGS);
  for (const name of ["WEBHOOK_URL", "ALERT_URL"] as const) {
    const url = checkUrl(values[name], { allowLoopback: values.LOCAL_DEV });
    if (values[name] !== "" && !url.ok) reader.fault(`${name} ${explainAddress[url.reason]}`);
  }
  reader.check();
  return {
    apiToken: values.API_TOKEN,
    localDev: values.LOCAL_DEV,
    webhookUrl: values.WEBHOOK_URL || null,
    webhookSecret: values.WEBHOOK_SECRET,
    periodicMs: values.PERIODIC_SECONDS,
    retentionMs: values.RETENTION_DAYS,
    retryMs: values.RETRY_SECONDS,
    leaseMs: values.LEASE_SECONDS,
    storageLimit: values.STORAGE_LIMIT_MB,
    dohUrl: values.DOH_URL,
    receiverUrl: values.RECEIVER_URL,
    alerts: alertsFrom(values),
  };
}
