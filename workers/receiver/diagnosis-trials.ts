import { fromBase64, fromHex, toBase64, toHex, utf8 } from "../../shared/bytes.ts";
import { ConfigError } from "../../shared/config.ts";
import type { Diagnosis, Suspects } from "./diagnosis.ts";
import type { Scheme, SignedRequest } from "./schemes/scheme.ts";

/** A refused request, verified again with a likely secret, another encoding of its signature, another URL. */

/** As many of the other sources as are asked: each costs a verification. */
export const MAX_OTHERS = 20;

export type Trial = { request: SignedRequest; scheme: Scheme; secrets: readonly string[] };

/** Whether it verifies; a secret that cannot be a key verifies nothing. */
export async function verifies({ request, scheme, secrets }: Trial, at: number): Promise<boolean> {
  if (secrets.length === 0 || scheme.verification === "unverified") return false;
  try {
    return (await scheme.verify(request, [...secrets], at)).ok;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** Another secret than the source's, that it is likely to have been signed with. */
export async function secretOf(
  request: SignedRequest,
  { scheme, secrets, others }: Suspects,
  at: number,
): Promise<Diagnosis | null> {
  const trial = (candidates: string[]) => anyVerifies(request, scheme, candidates, at);
  if (
    await trial(
      secrets.flatMap((secret) => [secret.trim(), `${secret}\n`, `${secret}\r\n`, secret.replace(/^"(.*)"$/, "$1")]),
    )
  ) {
    return {
      code: "secret_white_space",
      text: "signed with this source's secret but for white space or quotes around it: one side holds more than the secret",
    };
  }
  if (await trial(secrets.flatMap(undecoded))) {
    return {
      code: "secret_undecoded",
      text: "signed with the text of this source's secret, or with what it encodes, where the other is the key",
    };
  }
  for (const { name, secrets: theirs } of others.slice(0, MAX_OTHERS)) {
    if (await trial([...theirs]))
      return { code: "secret_of_other_source", text: `signed with the secret of the source ${name}` };
  }
  return null;
}

/** Each on its own: one that is no key must not hide the others. */
async function anyVerifies(request: SignedRequest, scheme: Scheme, secrets: string[], at: number): Promise<boolean> {
  for (const secret of new Set(secrets)) if (await verifies({ request, scheme, secrets: [secret] }, at)) return true;
  return false;
}

const PREFIX = "whsec_";

/** The keys that a secret's text can be taken for, in the forms that schemes with either kind of key take. */
function undecoded(secret: string): string[] {
  const bare = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const asText = [bare, PREFIX + bare];
  const bytes = asText.map((text) => utf8(text));
  const asKey = bytes.flatMap((key) => [PREFIX + toBase64(key), toBase64(key), toHex(key)]);
  return [...asText, ...asKey];
}

const HEX = /(?<![0-9a-fA-F])(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?![0-9a-fA-F])/g;
const BASE64 = /(?<![\w+/-])(?:[\w+/-]{27}=?|[\w+/-]{43}=?|[\w+/-]{86}(?:==)?)(?![\w+/=-])/g;

/** The same signatures in the other encoding. */
export async function encodingOf({ request, ...trial }: Trial, at: number): Promise<Diagnosis | null> {
  const spellings: ((value: string) => string)[] = [
    (value) => value.replace(HEX, (hex) => toBase64(fromHex(hex) ?? new Uint8Array())),
    (value) => value.replace(BASE64, (text) => toHex(fromBase64(standardBase64(text)) ?? new Uint8Array())),
    (value) => value.replace(BASE64, standardBase64),
  ];
  for (const spelling of spellings) {
    const headers = new Headers(
      [...request.headers].map(([name, value]) => [name, spelling(value)] as [string, string]),
    );
    if (await verifies({ ...trial, request: { ...request, headers } }, at)) {
      return {
        code: "signature_encoding",
        text: "the signature is right, and written in another encoding than this scheme's",
      };
    }
  }
  return null;
}

function standardBase64(text: string): string {
  const digits = text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}

/** Another URL than the one that the source says, where the URL is signed. */
export async function urlOf({ request, ...trial }: Trial, at: number): Promise<Diagnosis | null> {
  if (!trial.scheme.signedUrl) return null;
  for (const url of urlVariants(request.url)) {
    if (await verifies({ ...trial, request: { ...request, url } }, at)) {
      return { code: "other_url", text: "another URL was signed than the one that this source's `url` says" };
    }
  }
  return null;
}

function urlVariants(text: string): Set<string> {
  const url = new URL(text);
  const hosts = [
    url.origin,
    `http://${url.host}`,
    `https://${url.host}`,
    `https://${url.host}:443`,
    `http://${url.host}:80`,
  ];
  const path = url.pathname.replace(/\/$/, "");
  return new Set(hosts.flatMap((host) => [path, `${path}/`].flatMap((way) => [host + way + url.search, host + way])));
}
