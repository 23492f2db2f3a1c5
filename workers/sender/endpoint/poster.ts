import { checkUrl, isLoopback } from "../../../shared/outgoing/address.ts";
import { attempt } from "../../../shared/outgoing/attempt.ts";
import { createResolver, type Resolve } from "../../../shared/outgoing/dns.ts";
import { parseSigningKey, type SigningKey } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import type { EndpointConfig } from "../model/endpoint.ts";
import type { Ending } from "./outcome.ts";
import type { OpenDelivery } from "./queue.ts";

/** What comes before a POST and the POST itself: the address rules, the look-up, the signature. */

type Platform = { fetch: typeof fetch; now: () => number };

/** `requests`: outgoing ones beside the attempt itself. */
export type Posted = { ending: Ending; requests: number };

export class Poster {
  readonly #localDev: boolean;
  readonly #platform: Platform;
  readonly #resolve: Resolve;
  /** Parsed once: the imported key is kept with the parsed one. */
  readonly #keys = new Map<string, SigningKey | null>();

  constructor({ localDev, dohUrl }: Pick<Config, "localDev" | "dohUrl">, platform: Platform) {
    this.#localDev = localDev;
    this.#platform = platform;
    this.#resolve = createResolver({ dohUrl, ...platform });
  }

  /** One attempt that starts at `at` (unix ms). Never throws: what forbids it is its ending. */
  async post({ id, body }: OpenDelivery, config: EndpointConfig, at: number): Promise<Posted> {
    // Checked again before every attempt: a configuration may be older than a rule.
    const address = checkUrl(config.url, { allowLoopback: this.#localDev });
    if (!address.ok) return { ending: refused("address_forbidden", address.reason), requests: 0 };
    // Only local development lets loopback through, and no public resolver knows it.
    const local = isLoopback(address.url.hostname);
    const found = local ? NOT_LOOKED_UP : await this.#resolve(address.url.hostname);
    if (!found.ok) {
      const why = found.code === "address_forbidden" ? `${found.address} is ${found.reason}` : null;
      return { ending: refused(found.code, why), requests: found.requests };
    }
    const { headers } = config;
    const timestamp = Math.floor(this.#platform.now() / 1000);
    const request = { url: address.url.href, id, timestamp, body, headers, keys: this.#keysOf(config, at) };
    return { ending: await attempt(request, this.#platform), requests: found.requests };
  }

  /** The keys that sign at `at`: of the versions the endpoint asks for, those that have not ended. */
  #keysOf({ secrets, signing }: Pick<EndpointConfig, "secrets" | "signing">, at: number): SigningKey[] {
    const live = secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > at);
    for (const text of this.#keys.keys()) {
      if (!live.some(({ key }) => key === text)) this.#keys.delete(text);
    }
    return live.flatMap(({ key }) => this.#keyOf(key) ?? []).filter(({ version }) => signing.includes(version));
  }

  #keyOf(text: string): SigningKey | null {
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    const parsed = parseSigningKey(text);
    const key = parsed.ok ? parsed.key : null;
    this.#keys.set(text, key);
    return key;
  }
}

const NOT_LOOKED_UP = { ok: true, requests: 0 } as const;

function refused(code: string, response: string | null): Ending {
  return { status: 0, code, ms: 0, retryAfter: null, response };
}
