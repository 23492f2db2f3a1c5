import { sameText } from "../../../../shared/same-text.ts";
import type { SecretPlaces } from "../../event/masking.ts";
import { queryOf } from "../../event/masking.ts";
import type { SignedRequest } from "../../verify/schemes/scheme.ts";
import { tokensInHeader } from "../../verify/schemes/token.ts";
import type { Diagnosis } from "./diagnosis.ts";

/** Finds the token of a source where the source does not look for it. Pure. */

/** More headers and parameters than any sender has; longer values are no token. */
const MAX_PLACES = 64;
const MAX_TOKEN_LENGTH = 1024;

/** Returns the header or the query parameter that holds one of the secrets; null where none does. */
export function tokenPlace({ headers, url }: SignedRequest, secrets: readonly string[]): Required<SecretPlaces> | null {
  const isToken = (value: string) =>
    value.length <= MAX_TOKEN_LENGTH && secrets.map((secret) => sameText(value, secret)).includes(true);
  const secretHeaders = [...headers]
    .slice(0, MAX_PLACES)
    .filter(([, value]) => value.length <= MAX_TOKEN_LENGTH && tokensInHeader(value).some(isToken))
    .map(([name]) => name);
  const secretParameters = [...new URLSearchParams(queryOf(url))]
    .slice(0, MAX_PLACES)
    .filter(([, value]) => isToken(value))
    .map(([name]) => name);
  return secretHeaders.length + secretParameters.length === 0 ? null : { secretHeaders, secretParameters };
}

/** Returns the diagnosis of a request that has the token in another place; null where it has none. */
export function misplacedToken(request: SignedRequest, secrets: readonly string[]): Diagnosis | null {
  const place = tokenPlace(request, secrets);
  if (place === null) return null;
  const [header] = place.secretHeaders;
  const where = header === undefined ? `the query parameter ${place.secretParameters[0]}` : `the header ${header}`;
  return {
    code: "token_elsewhere",
    text: `the token is right, but it stands in ${where}, not as this source expects it`,
  };
}
