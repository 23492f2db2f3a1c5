import { ConfigError } from "../../../../shared/config.ts";
import { sameText } from "../../../../shared/same-text.ts";
import { idFault, rejected } from "./rules.ts";
import type { Scheme } from "./scheme.ts";

/** Where a shared token may stand. */
const PLACES = ["authorization", "x-api-key", "x-gitlab-token"] as const;
const BEARER = /^Bearer (.+)$/i;

type Place = (typeof PLACES)[number];

/** A static secret in a header, for senders that cannot sign: it proves who sent, and nothing about the bytes. */
export function tokenScheme({
  places = PLACES,
  idHeader,
  typeHeader,
}: {
  places?: readonly Place[];
  idHeader?: string;
  typeHeader?: string;
}): Scheme {
  return {
    verification: "authenticated",
    signedId: false,
    secretHeaders: places,
    ...(typeHeader === undefined ? {} : { typeHeader }),

    async verify({ headers }, secrets) {
      if (secrets.length === 0) throw new ConfigError("no secret is configured");
      if (secrets.some((secret) => secret.trim() === "")) throw new ConfigError("a secret is empty");
      const given = places.flatMap((place) => tokenIn(place, headers.get(place)) ?? []);
      if (given.length === 0) return rejected("token_missing");
      // Every pair is compared, each in constant time.
      const same = await Promise.all(given.flatMap((token) => secrets.map((secret) => sameText(token, secret))));
      if (!same.includes(true)) return rejected("token_mismatch");
      const id = idHeader === undefined ? null : headers.get(idHeader);
      const fault = idFault(id, { signed: false });
      return fault === null ? { ok: true, id, timestamp: null } : rejected(fault);
    },
  };
}

function tokenIn(place: Place, value: string | null): string | null {
  if (value === null || value === "") return null;
  return place === "authorization" ? (BEARER.exec(value)?.[1] ?? null) : value;
}

/** Asks for nothing: only by explicit configuration, and every record says so. */
export const none: Scheme = {
  verification: "unverified",
  signedId: false,
  verify: async () => ({ ok: true, id: null, timestamp: null }),
};
