/** Headers as they are stored: in the runtime's order, values joined by it, secrets masked before a list exists. */
export type HeaderList = [name: string, value: string][];

/** The text in the place of a secret value. */
export const MASK = "(masked)";

/** Headers that authenticate someone to anyone. Cloudflare Access adds the last one for whoever is signed in. */
const SECRET_HEADERS = [
  "authorization",
  "proxy-authorization",
  "x-forwarded-authorization",
  "cookie",
  "cf-access-jwt-assertion",
];

/** Returns the headers with their secret values masked; `secretHeaders` are those of the scheme. */
export function maskedHeaders(headers: Headers, secretHeaders: readonly string[] = []): HeaderList {
  const secret = new Set([...SECRET_HEADERS, ...secretHeaders]);
  return [...headers].map(([name, value]) => [name, secret.has(name) ? MASK : value]);
}
