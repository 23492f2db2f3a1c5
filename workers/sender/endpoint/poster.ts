import { checkUrl } from "../../../shared/outgoing/address.ts";
import { attempt, type Platform } from "../../../shared/outgoing/attempt.ts";
import { createResolver, type Resolve } from "../../../shared/outgoing/dns.ts";
import { parseSigningKey, type SigningKey } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import type { EndpointConfig } from "../model/endpoint.ts";
import type { Ending } from "./outcome.ts";
import type { OpenDelivery } from "./queue.ts";

/** An attempt that was made. `requests`: how many outgoing requests were made beside it. */
type Posted = { ending: Ending; requests: number };

/** Makes one attempt: checks the address, looks the host up, signs, POSTs. */
export class Poster {
  readonly #localDev: boolean;
  readonly #platform: Platform;
  readonly #resolve: Resolve;
  /** Keys by their text, parsed once: the imported key is kept with the parsed one. Null for one that is malformed. */
  readonly #keys = new Map<string, SigningKey | null>();

  constructor({ localDev, dohUrl }: Pick<Config, "localDev" | "dohUrl">, platform: Platform) {
    this.#localDev = localDev;
    this.#platform = platform;
    this.#resolve = createResolver({ dohUrl, ...platform });
  }

  /** Makes an attempt that starts at `at` (unix ms). Never throws: a refusal is an ending too. */
  async post({ id, body }: OpenDelivery, config: EndpointConfig, at: number): Promise<Posted> {
    // Checked again before every attempt: a configuration may be older than a rule.
    const address = checkUrl(config.url, { allowLoopback: this.#localDev });
    if (!address.ok) return { ending: unsent("address_forbidden", address.reason), requests: 0 };
    const found = await this.#resolve(address.url.hostname);
    if (!found.ok) {
      const why = found.code === "address_forbidden" ? `${found.address} is ${found.reason}` : null;
      return { ending: unsent(found.code, why), requests: found.requests };
    }
    const { headers } = config;
    const timestamp = Math.floor(this.#platform.now() / 1000);
    const request = { url: address.url.href, id, timestamp, body, headers, keys: this.#keysOf(config, at) };
    return { ending: await attempt(request, this.#platform), requests: found.requests };
  }

  /** Returns the keys that sign at `at`: of the versions the endpoint asks for, those that have not expired. */
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

function unsent(code: string, response: string | null): Ending {
  return { status: 0, code, ms: 0, retryAfter: null, response };
}
