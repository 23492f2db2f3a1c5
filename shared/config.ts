/**
 * Reads the variables of a Worker's environment and collects everything that is wrong with them, so that one
 * error names every missing or malformed name instead of the first. Values are never quoted: some are secret.
 */
export class ConfigReader {
  readonly #env: Record<string, unknown>;
  readonly #faults: string[] = [];

  constructor(env: object) {
    this.#env = { ...env };
  }

  /** Returns a text that must be there and not empty. */
  required(name: string): string {
    const value = this.text(name);
    if (value === "") this.fault(`${name} is missing`);
    return value;
  }

  /** Returns a token that must be there: visible ASCII, as a header holds, and too long to guess. */
  token(name: string): string {
    const value = this.required(name);
    if (value !== "" && !TOKEN_FORM.test(value))
      this.fault(`${name} is not ${MIN_TOKEN} to ${MAX_TOKEN} visible ASCII characters`);
    return value;
  }

  /** Returns a text, empty when absent. */
  text(name: string): string {
    const value = this.#env[name] ?? "";
    if (typeof value === "string") return value;
    this.fault(`${name} is not a text`);
    return "";
  }

  /** Returns a plain decimal number from `min` to `max`, both included; `fallback` when absent or empty. */
  number(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const text = this.text(name);
    if (text === "") return fallback;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.fault(`${name} is not a number from ${min} to ${max}`);
    return fallback;
  }

  /** Returns a flag, `true` or `false`, false when absent; any other value is a fault. */
  flag(name: string): boolean {
    const text = this.text(name);
    if (text !== "" && text !== "true" && text !== "false") this.fault(`${name} is neither true nor false`);
    return text === "true";
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

/** 24 letters and digits of a random token are more than 120 bits. */
const MIN_TOKEN = 24;
const MAX_TOKEN = 1000;
const TOKEN_FORM = new RegExp(`^[\\x21-\\x7e]{${MIN_TOKEN},${MAX_TOKEN}}$`);
