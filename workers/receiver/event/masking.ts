import { isSecretName, MASK } from "../../../shared/secret-name.ts";

/**
 * The one rule for secrets in what strangers send: a header or a query parameter whose name says that its value lets
 * someone in is masked, in stored records, on pages, in forwards and in rejected requests alike. Pure.
 */

/**
 * The version of these rules. A text that was found masked is marked with it, and not looked through again: so a change
 * of what is masked needs another number.
 */
export const MASKING_VERSION = 1;

/** Returns the query of a URL as the URL was written, with its question mark; empty without one. */
export function queryOf(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at);
}

/** Places that hold a secret whatever they are called: headers in lower case, and query parameters. */
export type SecretPlaces = { secretHeaders?: readonly string[]; secretParameters?: readonly string[] };

/** Returns a query, with or without its question mark, as it came but for the values of its secret parameters. */
export function maskedQuery(query: string, places: SecretPlaces = {}): string {
  return query.replace(PAIR, (pair, start: string, name: string) =>
    isSecretParameter(name, places) ? `${start}${name}=${MASK}` : pair,
  );
}

function isSecretParameter(written: string, { secretParameters = [] }: SecretPlaces): boolean {
  const name = formText(written);
  return isSecretName(name) || secretParameters.includes(name);
}

/** A parameter with a value, and the text before it. */
const PAIR = /(^\??|&)([^=&]+)=([^&]*)/g;

/** More secrets than any request has in its query; each is looked for in every header. */
const MAX_SECRETS = 8;
/** A shorter secret is masked only where it stands alone: `1` must not hide a part of every number. */
const SURE_LENGTH = 8;

/**
 * Returns a function that masks the secrets of a query wherever another text repeats them, as a proxy's header may; null
 * when there are none. It makes one pass: a secret may be a part of the mask, and a second pass would find it there.
 */
export function queryMasker(query: string, places: SecretPlaces = {}): ((text: string) => string) | null {
  if (query === "") return null;
  const values = [...query.matchAll(PAIR)].flatMap(([, , name = "", value = ""]) =>
    isSecretParameter(name, places) ? [value, formText(value)] : [],
  );
  // The longest first: one may begin with another.
  const secrets = [...new Set(values)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return null;
  if (secrets.length > MAX_SECRETS) return () => MASK;
  const patterns = secrets.map((secret) => {
    const pattern = RegExp.escape(secret);
    return secret.length < SURE_LENGTH ? `(?<!\\w)${pattern}(?!\\w)` : pattern;
  });
  const any = new RegExp(patterns.join("|"), "g");
  return (text) => text.replace(any, MASK);
}

/** Returns the text that a form's name or value stands for. */
function formText(text: string): string {
  return new URLSearchParams(`v=${text}`).get("v") ?? "";
}
