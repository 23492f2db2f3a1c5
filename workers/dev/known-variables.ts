import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";

/** The names that may stand in `.dev.vars`: wrangler drops any other without a word. */

const TOML_FILES = ["wrangler.sender.toml", "wrangler.receiver.toml"];
/** Variables of `npm start` itself. */
const OWN = ["SENDER_PORT", "RECEIVER_PORT", "STATE_DIR", "LOG", "NO_COLOR"];

/**
 * Checks that every variable of `.dev.vars` reaches a Worker. A misspelt one would leave a default in its place, which
 * nobody sees: a retention of thirty days instead of one, or a source that stays closed.
 *
 * @throws Error naming every variable that reaches none
 */
export function requireKnownVariables(root: string): void {
  const path = resolve(root, ".dev.vars");
  if (!existsSync(path)) return;
  const known = new Set([...OWN, ...TOML_FILES.flatMap((file) => namesIn(readFileSync(resolve(root, file), "utf8")))]);
  const unknown = Object.keys(parseEnv(readFileSync(path, "utf8")))
    .filter((name) => !known.has(name))
    .sort();
  if (unknown.length === 0) return;
  throw new Error(
    `.dev.vars names ${unknown.join(", ")}, which no Worker reads. Correct or remove it; a secret of a source, and ` +
      "FORWARD_SECRET, must stand in `required` of wrangler.receiver.toml as well.",
  );
}

/** Returns the names in the tables `[vars]` and `[vars.…]` of a TOML file, and in `required`. */
export function namesIn(toml: string): string[] {
  const plain = toml.replace(/^\s*#.*$/gm, "");
  const [, vars = ""] = /^\[vars\]\s*\n([\s\S]*?)(?=^\s*\[|(?![\s\S]))/m.exec(plain) ?? [];
  const [, required = ""] = /^\s*required\s*=\s*\[([^\]]*)\]/m.exec(plain) ?? [];
  return [
    ...[...vars.matchAll(/^\s*"?(\w+)"?\s*=/gm)],
    ...[...plain.matchAll(/^\s*\[vars\.(\w+)/gm)],
    ...[...required.matchAll(/["'](\w+)["']/g)],
  ].map(([, name]) => name ?? "");
}
