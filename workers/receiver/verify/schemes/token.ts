import { ConfigError } from "../../../../shared/config.ts";
import { sameText } from "../../../../shared/same-text.ts";
import { idFault, rejected } from "./rules.ts";
import type { Scheme } from "./scheme.ts";

/** Schemes that verify no signature: a shared token in a header, or nothing at all. */

/** Headers that a shared token may stand in. */
const TOKEN_HEADERS = ["authorization", "x-api-key", "x-gitlab-token"] as const;
const BEARER = /^Bearer (.+)$/i;

type TokenHeader = (typeof TOKEN_HEADERS)[number];

/** Returns a scheme for senders that cannot sign: a static secret proves who sent, and nothing about the bytes. */
export function tokenScheme({
  headerNames = TOKEN_HEADERS,
  idHeader,
  typeHeader,
}: {
  headerNames?: readonly TokenHeader[];
  idHeader?: string;
  typeHeader?: string;
}): Scheme {
  return {
    verification: "authenticated",
    signedId: false,
    secretHeaders: headerNames,
    ...(typeHeader === undefined ? {} : { typeHeader }),

    async verify({ headers }, secrets) {
      if (secrets.length === 0) throw new ConfigError("no secret is configured");
      if (secrets.some((secret) => secret.trim() === "")) throw new ConfigError("a secret is empty");
      const given = headerNames.flatMap((name) => tokenIn(name, headers.get(name)) ?? []);
      if (given.length === 0) return rejected("token_missing");
      // Every pair is compared, each in constant time.
      const same = given.flatMap((token) => secrets.map((secret) => sameText(token, secret)));
      if (!same.includes(true)) return rejected("token_mismatch");
      const id = idHeader === undefined ? null : headers.get(idHeader);
      const fault = idFault(id, { signed: false });
      return fault === null ? { ok: true, id, timestamp: null } : rejected(fault);
    },
  };
}

function tokenIn(name: TokenHeader, value: string | null): string | null {
  if (value === null || value === "") return null;
  return name === "authorization" ? (BEARER.exec(value)?.[1] ?? null) : value;
}

/** The scheme that accepts everything: only by explicit configuration, and every record says so. */
export const none: Scheme = {
  verification: "unverified",
  signedId: false,
  verify: async () => ({ ok: true, id: null, timestamp: null }),
};
