import { hmacScheme } from "./schemes/hmac.ts";
import { schemes } from "./schemes/index.ts";
import { parseHmacRow } from "./schemes/row-config.ts";
import type { Scheme } from "./schemes/scheme.ts";

/** `[vars.SOURCES.<name>]` of the TOML file → what each source is, or what is wrong with it. Pure. */

/**
 * Who sends to us: how their requests prove it, and which log they enter. `url` is the public URL that a
 * scheme signs, null where none does. `secretNames`: the variables that hold the secrets, in their order.
 * `fault` names the mistake in a source's configuration: nothing from it is accepted then, while the other
 * sources go on.
 */
export type Source = {
  name: string;
  schemeName: string;
  scheme: Scheme;
  secrets: string[];
  secretNames: string[];
  log: string;
  url: string | null;
  handshakeSecrets: string[];
  fault: string | null;
};

export const DEFAULT_SOURCE = "default";
export const DEFAULT_LOG = "main";

/** Names stand in URLs, in the names of objects and in KV keys. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** As variables are named. */
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** As secrets are not written: what names nothing and has small letters is perhaps the secret itself. */
const PLAIN_NAME = /^[A-Z_][A-Z0-9_]*$/;
const KEYS = ["scheme", "secrets", "log", "url", "hmac", "handshakeSecret"];

type Table = Record<string, unknown>;
type Secrets = Record<string, unknown>;

/** A mistake, in the words "<key> <problem>". */
class Fault extends Error {}

/** The sources by name, `default` among them; null when `config` is no table of sources. */
export function readSources(config: unknown, env: Secrets, webhookSecrets: string[]): Map<string, Source> | null {
  const tables = tableOf(config ?? {});
  if (tables === null) return null;
  const sources = new Map([[DEFAULT_SOURCE, defaultSource(webhookSecrets)]]);
  for (const [name, table] of Object.entries(tables)) sources.set(name, readSource(name, table, env));
  return sources;
}

/** A table as wrangler gives it, or the same as JSON, which is all that an environment variable can be. */
function tableOf(value: unknown): Table | null {
  if (typeof value !== "string") return isTable(value) ? value : null;
  try {
    return value === "" ? {} : tableOf(JSON.parse(value));
  } catch {
    return null;
  }
}

function defaultSource(secrets: string[]): Source {
  return { ...closed(DEFAULT_SOURCE, null), secrets, secretNames: ["WEBHOOK_SECRET"] };
}

/** A source that accepts nothing, until it is given a scheme. */
function closed(name: string, fault: string | null): Source {
  const nothing = { secrets: [], secretNames: [], handshakeSecrets: [], url: null, log: DEFAULT_LOG };
  return { name, schemeName: "standard", scheme: schemeNamed("standard"), ...nothing, fault };
}

function readSource(name: string, value: unknown, env: Secrets): Source {
  try {
    if (name === DEFAULT_SOURCE) throw new Fault("is defined by WEBHOOK_SECRET; give this source another name");
    if (!NAME.test(name)) throw new Fault("is no name of a source: lower-case letters, digits, - and _, at most 64");
    if (!isTable(value)) throw new Fault("is not a table");
    const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
    if (unknown !== undefined) throw new Fault(`${unknown} is unknown; known are ${KEYS.join(", ")}`);
    return { ...closed(name, null), ...schemeOf(value), ...placeOf(value), ...secretsOf(value, env) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return closed(name, error.message);
  }
}

function schemeOf({ scheme: name, hmac, url }: Table): Pick<Source, "scheme" | "schemeName" | "url"> {
  if (typeof name !== "string") throw new Fault("scheme is missing");
  if (name !== "hmac" && hmac !== undefined) throw new Fault('hmac needs scheme = "hmac"');
  const scheme = name === "hmac" ? rowScheme(hmac) : schemeNamed(name);
  if (url === undefined && scheme.signedUrl) throw new Fault("url is missing, and this scheme signs it");
  if (url !== undefined && (typeof url !== "string" || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")))
    throw new Fault("url is not an http or https URL");
  return { scheme, schemeName: name, url: url ?? null };
}

function rowScheme(row: unknown): Scheme {
  const parsed = parseHmacRow(row);
  if (!parsed.ok) throw new Fault(`hmac.${parsed.key} ${parsed.problem}`);
  return hmacScheme(parsed.row);
}

function schemeNamed(name: string): Scheme {
  const scheme = Object.hasOwn(schemes, name) ? schemes[name] : undefined;
  if (scheme !== undefined) return scheme;
  throw new Fault(`scheme ${JSON.stringify(name)} is unknown; known are ${Object.keys(schemes).join(", ")}, hmac`);
}

function placeOf({ log = DEFAULT_LOG }: Table): Pick<Source, "log"> {
  if (typeof log === "string" && NAME.test(log)) return { log };
  throw new Fault("log is no name of a log: lower-case letters, digits, - and _, at most 64");
}

/** `secrets` names secrets, whose values stand nowhere in a TOML file. */
function secretsOf(
  { scheme, secrets = [], handshakeSecret }: Table,
  env: Secrets,
): Pick<Source, "secrets" | "secretNames" | "handshakeSecrets"> {
  if (handshakeSecret !== undefined && schemes[String(scheme)]?.handshake?.secret !== "own")
    throw new Fault("handshakeSecret means nothing with this scheme");
  if (!Array.isArray(secrets)) throw new Fault("secrets is not a list of names");
  if (secrets.length === 0 && scheme !== "none") throw new Fault("secrets is missing");
  if (secrets.length > 0 && scheme === "none") throw new Fault('secrets means nothing with scheme = "none"');
  return {
    secrets: secrets.map((name) => secretNamed("secrets", name, env)),
    secretNames: secrets,
    handshakeSecrets: handshakeSecret === undefined ? [] : [secretNamed("handshakeSecret", handshakeSecret, env)],
  };
}

/** What anyone may know, what opens this API, and what signs as us: a source that took it would take forgeries. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  ...["API_TOKEN", "FORWARD_SECRET", "LOCAL_DEV", "DOH_URL", "RETENTION_DAYS", "FLUSH_SECONDS", "GRACE_SECONDS"],
  ...["MAX_BODY_BYTES", "SCAN_BYTES", "STORAGE_LIMIT_MB"],
]);

function secretNamed(key: string, name: unknown, env: Secrets): string {
  // What is no name is perhaps the secret itself, which no message may repeat.
  if (typeof name !== "string" || !SECRET_NAME.test(name)) throw new Fault(`${key} is not made of names of secrets`);
  if (OWN_VARIABLES.has(name)) throw new Fault(`${key} names ${name}, which is this Worker's own and no source's`);
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (typeof value === "string" && value !== "") return value;
  if (value !== undefined || PLAIN_NAME.test(name)) {
    throw new Fault(`${key} names ${name}, which is not set, or not in \`required\` of wrangler.receiver.toml`);
  }
  throw new Fault(`${key} names what is not set, and is perhaps a secret itself where a name should be`);
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
