/** What stands in the place of a secret value. */
export const MASK = "(masked)";

/** The last is what Cloudflare Access adds for whoever is signed in. */
const SECRET_HEADERS = [
  "authorization",
  "proxy-authorization",
  "x-forwarded-authorization",
  "cookie",
  "cf-access-jwt-assertion",
];

/** The headers as they are stored: what authenticates someone is replaced, `secretHeaders` being the scheme's own. */
export function maskedHeaders(headers: Headers, secretHeaders: readonly string[] = []): HeaderList {
  const secret = new Set([...SECRET_HEADERS, ...secretHeaders]);
  return [...headers].map(([name, value]) => [name, secret.has(name) ? MASK : value]);
}

/** In the order and with the joined values that the runtime gives; secrets are masked before this exists. */
export type HeaderList = [name: string, value: string][];
