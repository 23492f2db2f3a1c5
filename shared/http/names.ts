import { jsonParts } from "../json-text.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/**
 * Names in a request: parameters of a query, fields of a form, members of a JSON body. A misspelt name is refused and
 * never ignored, because what is left without it may do more than was meant.
 */

/** @throws Problem `code` naming the first that is unknown or given twice */
export function checkNames(names: Iterable<string>, known: readonly string[], code: ProblemCode): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (!known.includes(name) || seen.has(name)) {
      const expected = known.length === 0 ? "none is known here" : `known are ${known.join(", ")}`;
      throw new Problem(code, `\`${name}\` is unknown or given twice; ${expected}.`);
    }
    seen.add(name);
  }
}

/** Checks the members of a JSON text. @throws Problem `code` when the text is no object, or as `checkNames` */
export function checkMembers(text: string, known: readonly string[], code: ProblemCode): void {
  if (!text.trimStart().startsWith("{")) throw new Problem(code, "Send a JSON object.");
  const names = jsonParts(text).map(({ key }) => key ?? "");
  checkNames(names, known, code);
}
