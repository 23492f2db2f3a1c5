import { isSecretName } from "../../../shared/secret-name.ts";
import { MINUTE_MS } from "../../../shared/time.ts";
import { answersIn, NO_ANSWERS, type SourceAnswers } from "./answer-config.ts";
import { handshakesIn } from "./handshake-config.ts";
import { isHeaderName } from "./schemes/row-config.ts";
import type { HandshakeRow, Scheme } from "./schemes/scheme.ts";
import { schemeNamed, schemeOf } from "./source-scheme.ts";
import { isTable, type SourceTable, TableFault } from "./table.ts";

/** The sources, read from WEBHOOK_SECRET and from `[vars.SOURCES.<name>]` of the TOML file. Pure. */

/**
 * A sender: how its requests prove who sent them, and which log they enter. `url` is the public URL that a scheme signs,
 * null where none does; `secretNames` are the variables that hold the secrets, in their order. `fault` is the mistake in
 * the source's configuration: the source then accepts nothing, while the other sources go on.
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
  /** Handshakes of the source: its own, else those of its scheme. */
  handshakes: readonly HandshakeRow[];
  /** Answers to its events. */
  answers: SourceAnswers;
  /** Methods of its events. */
  methods: readonly string[];
  /** Place of the id, if the source has one of its own; null: where its scheme says. */
  idPlace: IdPlace | null;
  /** False: a repetition is logged like any event. */
  dedupes: boolean;
  /** Milliseconds without an event after which an alert tells of it; null for none. */
  silentMs: number | null;
  fault: string | null;
};

/** Place of an id in a request: a header, or a field of the JSON body by its dotted path. */
export type IdPlace = { in: "header"; header: string } | { in: "body"; field: string };

export const DEFAULT_SOURCE = "default";
export const DEFAULT_LOG = "main";

/** Names of sources and logs stand in URLs, in the names of objects and in KV keys. */
const NAME_FORM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const VARIABLE_FORM = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** No secret is written like this. A text in another form, if it names no variable, may be the secret itself. */
const SURE_VARIABLE_FORM = /^[A-Z_][A-Z0-9_]*$/;
const SOURCE_KEYS = [
  ...[
    "scheme",
    "secrets",
    "log",
    "url",
    "hmac",
    "token",
    "publicKey",
    "httpSignature",
    "handshake",
    "methods",
    "answer",
    "test",
    "handshakeSecret",
    "idHeader",
    "idField",
    "dedupe",
    "silentMinutes",
  ],
];
/** A month: no alert waits longer for an event. */
const MAX_SILENT_MINUTES = 43_200;

type Variables = Record<string, unknown>;

/** Returns the sources by name, `default` among them; null when `config` is no table of sources. */
export function readSources(config: unknown, env: Variables, webhookSecrets: string[]): Map<string, Source> | null {
  const tables = tableOf(config ?? {});
  if (tables === null) return null;
  const sources = new Map([[DEFAULT_SOURCE, defaultSource(webhookSecrets)]]);
  for (const [name, table] of Object.entries(tables)) sources.set(name, readSource(name, table, env));
  return sources;
}

/** Returns a table as wrangler gives it, or the same out of JSON, which is all that an environment variable can be. */
function tableOf(value: unknown): SourceTable | null {
  if (typeof value !== "string") return isTable(value) ? value : null;
  try {
    return value === "" ? {} : tableOf(JSON.parse(value));
  } catch {
    return null;
  }
}

function defaultSource(secrets: string[]): Source {
  return { ...closedSource(DEFAULT_SOURCE, null), secrets, secretNames: ["WEBHOOK_SECRET"] };
}

const NO_OWN_ID = { idPlace: null, dedupes: true, silentMs: null };

/** Returns a source that accepts nothing, as it has no secret. */
function closedSource(name: string, fault: string | null): Source {
  const nothing = {
    secrets: [],
    secretNames: [],
    handshakeSecrets: [],
    handshakes: [],
    methods: ["POST"],
    answers: NO_ANSWERS,
    url: null,
    log: DEFAULT_LOG,
    ...NO_OWN_ID,
  };
  return { name, schemeName: "standard", scheme: schemeNamed("standard"), ...nothing, fault };
}

function readSource(name: string, value: unknown, env: Variables): Source {
  try {
    if (name === DEFAULT_SOURCE) throw new TableFault("is defined by WEBHOOK_SECRET; give this source another name");
    if (!NAME_FORM.test(name))
      throw new TableFault("is no name of a source: use lower-case letters, digits, - and _, at most 64");
    if (!isTable(value)) throw new TableFault("is not a table");
    const unknown = Object.keys(value).find((key) => !SOURCE_KEYS.includes(key));
    if (unknown !== undefined) throw new TableFault(`${unknown} is unknown; known are ${SOURCE_KEYS.join(", ")}`);
    const proof = schemeOf(value);
    const dedup = dedupOf(value, proof.scheme);
    const asked = handshakesIn(value, proof.scheme);
    return {
      ...closedSource(name, null),
      ...proof,
      ...asked,
      answers: answersIn(value),
      ...methodsIn(value, proof.scheme),
      ...placeOf(value),
      ...dedup,
      ...silenceOf(value),
      ...secretsOf(value, asked.handshakes, env),
    };
  } catch (error) {
    if (!(error instanceof TableFault)) throw error;
    return closedSource(name, error.message);
  }
}

function placeOf({ log = DEFAULT_LOG }: SourceTable): Pick<Source, "log"> {
  if (typeof log === "string" && NAME_FORM.test(log)) return { log };
  throw new TableFault("log is no name of a log: use lower-case letters, digits, - and _, at most 64");
}

/** Returns how a source tells repetitions. */
function dedupOf(
  { idHeader, idField, dedupe = "on" }: SourceTable,
  { secretHeaders = [] }: Scheme,
): Pick<Source, "idPlace" | "dedupes"> {
  if (dedupe !== "on" && dedupe !== "off") throw new TableFault('dedupe is not "on" or "off"');
  const dedupes = dedupe === "on";
  if (idHeader !== undefined && idField !== undefined) throw new TableFault("idField and idHeader are both given");
  if (idHeader !== undefined) {
    if (!isHeaderName(idHeader)) throw new TableFault("idHeader is not a header's name in lower case");
    // An id is shown, and a masked header must not be.
    const isSecret = isSecretName(idHeader) || secretHeaders.includes(idHeader);
    if (isSecret) throw new TableFault(`idHeader names ${idHeader}, which holds a secret`);
    return { idPlace: { in: "header", header: idHeader }, dedupes };
  }
  if (idField === undefined) return { idPlace: null, dedupes };
  if (typeof idField !== "string" || idField === "") throw new TableFault("idField is not a text");
  return { idPlace: { in: "body", field: idField }, dedupes };
}

const METHODS = ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"];

/** Returns the methods that events come with. */
function methodsIn({ methods }: SourceTable, scheme: Scheme): Pick<Source, "methods"> {
  if (methods === undefined) return { methods: scheme.methods ?? ["POST"] };
  if (Array.isArray(methods) && methods.length > 0 && methods.every((each) => METHODS.includes(each)))
    return { methods };
  throw new TableFault(`methods is not a list of some of ${METHODS.join(", ")}`);
}

function silenceOf({ silentMinutes: minutes }: SourceTable): Pick<Source, "silentMs"> {
  if (minutes === undefined) return { silentMs: null };
  const fits = typeof minutes === "number" && Number.isInteger(minutes) && minutes >= 1;
  if (fits && minutes <= MAX_SILENT_MINUTES) return { silentMs: minutes * MINUTE_MS };
  throw new TableFault(`silentMinutes is not a whole number from 1 to ${MAX_SILENT_MINUTES}`);
}

/** Returns the secrets of a source, whose table holds their names: no value of a secret stands in a TOML file. */
function secretsOf(
  { scheme, secrets = [], handshakeSecret }: SourceTable,
  handshakes: readonly HandshakeRow[],
  env: Variables,
): Pick<Source, "secrets" | "secretNames" | "handshakeSecrets"> {
  if (handshakeSecret !== undefined && handshakes.every(({ verifyToken }) => verifyToken === undefined))
    throw new TableFault("handshakeSecret means nothing with this scheme");
  if (!Array.isArray(secrets)) throw new TableFault("secrets is not a list of names");
  if (secrets.length === 0 && scheme !== "none") throw new TableFault("secrets is missing");
  if (secrets.length > 0 && scheme === "none") throw new TableFault('secrets means nothing with scheme = "none"');
  return {
    secrets: secrets.map((name) => secretNamed("secrets", name, env)),
    secretNames: secrets,
    handshakeSecrets: handshakeSecret === undefined ? [] : [secretNamed("handshakeSecret", handshakeSecret, env)],
  };
}

/** Variables that are public, open this API or sign as us: a source that verified with one would accept forgeries. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  ...["API_TOKEN", "FORWARD_SECRET", "LOCAL_DEV", "DOH_URL", "RETENTION_DAYS", "FLUSH_SECONDS", "GRACE_SECONDS"],
  ...["MAX_BODY_BYTES", "SCAN_BYTES", "STORAGE_LIMIT_MB", "SENDER_URL"],
  ...["ALERT_URL", "ALERT_FORMAT", "ALERT_RULES"],
]);

function secretNamed(key: string, name: unknown, env: Variables): string {
  // A text that is no name may be the secret itself, which no message may repeat.
  if (typeof name !== "string" || !VARIABLE_FORM.test(name))
    throw new TableFault(`${key} must hold names of secrets, not the secrets themselves`);
  if (OWN_VARIABLES.has(name)) throw new TableFault(`${key} names ${name}, which is this Worker's own and no source's`);
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (typeof value === "string" && value !== "") return value;
  if (value !== undefined || SURE_VARIABLE_FORM.test(name)) {
    throw new TableFault(`${key} names ${name}, which is not set, or not in \`required\` of wrangler.receiver.toml`);
  }
  throw new TableFault(`${key} holds a name that is not set, or a secret itself where its name should be`);
}
