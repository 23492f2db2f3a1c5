import { fromBase64, fromUtf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { sameText } from "../../../../shared/same-text.ts";
import { isSecretName } from "../../../../shared/secret-name.ts";
import { jsonField } from "../../event/json-field.ts";
import { queryOf } from "../../event/masking.ts";
import { bodyFields, fieldAt, queryValues, textOf } from "./fields.ts";
import type { TokenRow } from "./row.ts";
import { bodyId, idFault, rejected } from "./rules.ts";
import type { Scheme, SignedRequest } from "./scheme.ts";

/** Schemes that verify no signature: a shared token at some place of the request, or nothing at all. */

/** Headers that a shared token stands in, where no row names the place. */
const TOKEN_HEADERS = ["authorization", "x-api-key", "x-gitlab-token", "x-telegram-bot-api-secret-token"];
/** More places than any request has for a token. */
const MAX_TOKENS = 32;

/** Returns a scheme for senders that cannot sign: a static secret proves who sent, and nothing about the bytes. */
export function tokenScheme(row: TokenRow): Scheme {
  const { header, query, field, idHeader, idField, typeHeader, typeField } = row;
  const anywhere = header === undefined && query === undefined && field === undefined;
  return {
    verification: "authenticated",
    signedId: false,
    secretHeaders: anywhere ? TOKEN_HEADERS : header === undefined ? [] : [header],
    secretParameters: query === undefined ? [] : [query],
    ...(typeHeader === undefined ? {} : { typeHeader }),
    ...(typeField === undefined ? {} : { typeField }),

    async verify(request, secrets) {
      if (secrets.length === 0) throw new ConfigError("no secret is configured");
      if (secrets.some((secret) => secret.trim() === "")) throw new ConfigError("a secret is empty");
      const given = (anywhere ? allTokens(request) : await tokensAt(row, request)).filter((token) => token !== "");
      if (given.length === 0) return rejected("token_missing");
      // Every pair is compared, each in constant time.
      const same = given.slice(0, MAX_TOKENS).flatMap((token) => secrets.map((secret) => sameText(token, secret)));
      if (!same.includes(true)) return rejected("token_mismatch");
      const id = idHeader === undefined ? null : request.headers.get(idHeader);
      const fault = idFault(id, { signed: false });
      if (fault !== null) return rejected(fault);
      return { ok: true, id: idField === undefined ? id : bodyId(jsonField(request.body, idField)), timestamp: null };
    },
  };
}

/** Returns the texts at the place that a row names, any of which may be the token. */
async function tokensAt({ header, authScheme, query, field }: TokenRow, request: SignedRequest): Promise<string[]> {
  if (query !== undefined) return queryValues(request.url, query);
  if (field !== undefined) return [textOf(fieldAt(await bodyFields(request), field)) ?? ""];
  const value = request.headers.get(header ?? "") ?? "";
  if (authScheme === undefined) return [value];
  const token = credentials(value, authScheme);
  return authScheme.toLowerCase() === "basic" ? basic(token) : [token];
}

/** Returns the texts of every header and query parameter whose name says that it holds a secret. */
function allTokens({ headers, url }: Pick<SignedRequest, "headers" | "url">): string[] {
  const named = [...headers].filter(([name]) => isSecretName(name)).map(([, value]) => value);
  const parameters = [...new URLSearchParams(queryOf(url))].filter(([name]) => isSecretName(name));
  return [...new Set([...named.flatMap(tokensInHeader), ...parameters.map(([, value]) => value)])];
}

/** Returns the texts of a header's value that may be a token, in whatever form. */
export function tokensInHeader(value: string): string[] {
  return [value, value.replace(/^\S+ +/, ""), ...basic(credentials(value, "basic"))];
}

/** Returns the credentials under a scheme of RFC 9110, section 11.4, whose name is the same in any case. */
function credentials(value: string, authScheme: string): string {
  const [start, rest] = [value.slice(0, authScheme.length + 1), value.slice(authScheme.length + 1)];
  return start.toLowerCase() === `${authScheme.toLowerCase()} ` ? rest.trim() : "";
}

/** Returns `user:password` and the password alone, RFC 7617: the secret may be either. */
function basic(token: string): string[] {
  const bytes = fromBase64(token);
  const text = bytes === null ? null : fromUtf8(bytes);
  const colon = text?.indexOf(":") ?? -1;
  return text === null || colon < 0 ? [] : [text, text.slice(colon + 1)];
}

/** The scheme that accepts everything: only by explicit configuration, and every record says so. */
export const none: Scheme = {
  verification: "unverified",
  signedId: false,
  verify: async () => ({ ok: true, id: null, timestamp: null }),
};
