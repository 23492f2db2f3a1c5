/** The variables of a Worker's environment: one table of settings says what each may be, and one reader checks them all. */

/**
 * Rule of a variable. `fallback`: the text that stands for none; null when the variable must be set. `bounds`: what the
 * text may be, as the README says it; `kind` stands before them in a fault. `read`: the value; undefined out of the
 * bounds, and an Error tells more.
 */
export type Setting<Value> = {
  fallback: string | null;
  kind?: string;
  bounds: string;
  read: (text: string) => Value | undefined;
};

/** The values of a table of settings, by name. */
type Values<Table> = { [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never };

/**
 * Reads the variables of an environment and collects everything that is wrong with them, so that one error names every
 * missing or malformed name instead of the first. Values are never quoted: some are secret.
 */
export class ConfigReader {
  readonly #env: Record<string, unknown>;
  readonly #faults: string[] = [];

  constructor(env: object) {
    this.#env = { ...env };
  }

  /** Returns the values of a table. A value whose variable is wrong is of no use: `check` throws. */
  read<Table extends Record<string, Setting<unknown>>>(table: Table): Values<Table> {
    const values = Object.entries(table).map(([name, setting]) => [name, this.#value(name, setting)]);
    return Object.fromEntries(values) as Values<Table>;
  }

  #value(name: string, { fallback, kind = "", bounds, read }: Setting<unknown>): unknown {
    const text = this.#text(name);
    const rule = `${name} must be ${kind}${bounds}`;
    if (text === "" && fallback === null) return this.fault(`${name} is missing`);
    try {
      const value = read(text === "" ? (fallback ?? "") : text);
      return value === undefined ? this.fault(rule) : value;
    } catch (error) {
      return this.fault(error instanceof Error ? error.message : rule);
    }
  }

  /** Returns the text of a variable, empty when absent. A TOML file may have a number or a flag as such. */
  #text(name: string): string {
    const value = this.#env[name] ?? "";
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value === "string") return value;
    this.fault(`${name} is not a text`);
    return "";
  }

  /** Adds a fault to those that `check` names. */
  fault(message: string): void {
    this.#faults.push(message);
  }

  /** @throws ConfigError naming every fault found so far. */
  check(): void {
    if (this.#faults.length > 0) throw new ConfigError(this.#faults.join("; "));
  }
}

/** Mistake in the configuration: nothing goes on until someone mends it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** A whole number, whose value is `unit` times as much: a day in milliseconds. */
export function wholeSetting(
  fallback: number,
  { min, max, unit = 1 }: { min: number; max: number; unit?: number },
): Setting<number> {
  return {
    fallback: String(fallback),
    kind: "a whole number from ",
    bounds: `${shownNumber(min)} to ${shownNumber(max)}`,
    read: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value * unit : undefined;
    },
  };
}

/** Returns a number as the READMEs write it: thousands apart from five digits on. */
export function shownNumber(value: number): string {
  return value < 10_000 ? String(value) : String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

export const flagSetting: Setting<boolean> = {
  fallback: "false",
  bounds: "true or false",
  read: (text) => (text === "true" || text === "false" ? text === "true" : undefined),
};

/** A token as a header holds it, too long to guess: 24 letters and digits are more than 120 bits. */
export const tokenSetting: Setting<string> = {
  fallback: null,
  bounds: "24 to 1000 visible ASCII characters",
  read: (text) => (/^[\x21-\x7e]{24,1000}$/.test(text) ? text : undefined),
};

/** A URL over HTTPS: without TLS anyone on the way could answer in its place, but for one on this machine. */
export const trustedUrlSetting: Setting<string> = {
  fallback: "",
  bounds: "an https URL (http on this machine), or empty",
  read: (text) => {
    const { protocol, hostname, username, password } = URL.parse(text) ?? {};
    const isSafe =
      protocol === "https:" || (protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname ?? ""));
    return text === "" || (isSafe && `${username}${password}` === "") ? text : undefined;
  },
};
