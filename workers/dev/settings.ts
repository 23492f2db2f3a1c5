import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import type { LogFormat } from "./log-printer.ts";

/** The settings of `npm start`: ports, the state's folder, the form of the log and the Workers' variables. Makes `.dev.vars`. */

/** `variables`: those of both Workers, secrets included. */
export type Settings = {
  senderPort: number;
  receiverPort: number;
  stateDir: string;
  logFormat: LogFormat;
  /** False when colours are turned off. */
  colour: boolean;
  variables: Record<string, string>;
};

/** Shorter than deployed, so that something happens while one looks; no DNS look-ups, as only loopback is called. */
const DEFAULTS = { LOCAL_DEV: "true", PERIODIC_SECONDS: "10", FLUSH_SECONDS: "10", DOH_URL: "" };
const SECRETS = ["WEBHOOK_SECRET", "API_TOKEN"] as const;
const SECRET_BYTES = 32;

/**
 * Reads the settings: the environment wins over `.dev.vars`, which wins over the defaults of `npm start`.
 *
 * @throws Error naming the variable that is wrong or missing.
 */
export function readSettings(root: string, env: NodeJS.ProcessEnv): Settings {
  const given = { ...devVars(resolve(root, ".dev.vars"), env), ...env } as Record<string, string>;
  const senderPort = readPort(given, "SENDER_PORT", 5000);
  const receiverPort = readPort(given, "RECEIVER_PORT", 8080);
  if (senderPort === receiverPort) {
    throw new Error(`SENDER_PORT and RECEIVER_PORT are both ${senderPort}: give them different ports.`);
  }
  const missing = SECRETS.filter((name) => !given[name]);
  if (missing.length > 0) {
    throw new Error(`${missing.join(" and ")} missing in .dev.vars: add it, or delete the file for a new one.`);
  }
  const SENDER_URL = `http://localhost:${senderPort}`;
  const RECEIVER_URL = `http://localhost:${receiverPort}`;
  const WEBHOOK_URL = `${RECEIVER_URL}/webhook`;
  return {
    senderPort,
    receiverPort,
    stateDir: resolve(root, given.STATE_DIR || ".wrangler/state"),
    logFormat: readLogFormat(given.LOG),
    colour: !given.NO_COLOR,
    variables: { ...DEFAULTS, WEBHOOK_URL, SENDER_URL, RECEIVER_URL, ...given },
  };
}

/** Reads `.dev.vars`. The first run makes the file, unless the environment has the secrets already. */
function devVars(path: string, env: NodeJS.ProcessEnv): NodeJS.Dict<string> {
  if (SECRETS.every((name) => env[name]) && !existsSync(path)) return {};
  createDevVars(path);
  return parseEnv(readFileSync(path, "utf8"));
}

/** Makes `.dev.vars` with new random secrets, readable by its owner alone; never touches an existing file. */
function createDevVars(path: string): void {
  const text = [
    "# Local secrets, made by the first `npm start`; git ignores this file. Any variable of wrangler.*.toml may stand here.",
    `WEBHOOK_SECRET="whsec_${randomBytes(SECRET_BYTES).toString("base64")}"`,
    `API_TOKEN="${randomBytes(SECRET_BYTES).toString("base64url")}"`,
    'LOCAL_DEV="true"',
    "",
  ].join("\n");
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readPort(given: Record<string, string>, name: string, fallback: number): number {
  const text = given[name] || String(fallback);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new Error(`${name} is ${JSON.stringify(text)}: a port is a number from 1 to 65535.`);
}

function readLogFormat(text: string | undefined): LogFormat {
  if (text === undefined || text === "" || text === "people") return "people";
  if (text === "json") return text;
  throw new Error(`LOG is ${JSON.stringify(text)}: it is "people" or "json".`);
}

/**
 * Checks that nothing listens on `port` yet, on either loopback address: `localhost` may mean both, so a program on
 * `::1` would be called in the Worker's place.
 *
 * @throws Error naming `variable` when the port is in use or may not be used.
 */
export async function requireFreePort(variable: string, port: number): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await listenError(host, port);
    if (code === "EADDRINUSE") {
      throw new Error(
        `Port ${port} is in use. Stop what listens there, or choose another: ${variable}=${port + 1} npm start`,
      );
    }
    if (code === "EACCES") {
      throw new Error(`Port ${port} may not be used by this user: set ${variable} to one above 1023.`);
    }
  }
}

/** Listens for a moment. Resolves to the error code, null when it worked; machines without IPv6 give another code. */
function listenError(host: string, port: number): Promise<string | null> {
  const { promise, resolve: settle } = Promise.withResolvers<string | null>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => settle(error.code ?? "unknown"));
  server.listen({ host, port, exclusive: true }, () => server.close(() => settle(null)));
  return promise;
}
