import { BoundedMap } from "../../../shared/bounded-map.ts";
import { checkUrl } from "../../../shared/outgoing/address.ts";
import { attempt, type Platform } from "../../../shared/outgoing/attempt.ts";
import { createResolver, type Resolve } from "../../../shared/outgoing/dns.ts";
import { parseSigningKey, type SigningKey } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import { payloadOf } from "../model/payload.ts";
import type { Destination, Ending, Parcel } from "../protocol.ts";

/** Makes attempts: checks the address, looks the host up, signs, POSTs. */

/** Posts one event to the destination it was made for, until `deadline` aborts. Never rejects: every failure is an ending. */
export type Post = (parcel: Parcel, deadline: AbortSignal) => Promise<Ending>;

/** Secrets whose parsed form is kept: an isolate posts for endpoints one after the other. */
const MAX_KEYS = 1000;

export class Poster {
  readonly #localDev: boolean;
  readonly #platform: Platform;
  readonly #resolve: Resolve;
  /** Keys by their text, parsed once: the imported key is kept with the parsed one. Null for one that is malformed. */
  readonly #keys = new BoundedMap<string, SigningKey | null>(MAX_KEYS);

  constructor({ localDev, dohUrl }: Pick<Config, "localDev" | "dohUrl">, platform: Platform) {
    this.#localDev = localDev;
    this.#platform = platform;
    this.#resolve = createResolver({ dohUrl, ...platform });
  }

  /** Checks a destination and looks its host up, once for all that is posted to it in one call. Never rejects. */
  async to(destination: Destination): Promise<Post> {
    // Checked again before every call: a configuration may be older than a rule.
    const address = checkUrl(destination.url, { allowLoopback: this.#localDev });
    if (!address.ok) return refusing("address_forbidden", address.reason);
    const found = await this.#resolve(address.url.hostname);
    if (!found.ok) {
      return refusing(found.code, found.code === "address_forbidden" ? `${found.address} is ${found.reason}` : null);
    }
    const { headers, payload, signatureHeaders } = destination;
    const [url, keys] = [address.url.href, this.#keysOf(destination)];
    return (parcel, deadline) => {
      const timestamp = Math.floor(this.#platform.now() / 1000);
      const sent = {
        url,
        id: parcel.id,
        timestamp,
        headers,
        keys,
        names: signatureHeaders,
        ...payloadOf(parcel, payload),
      };
      return attempt(sent, this.#platform, deadline);
    };
  }

  /** Returns the keys that sign now: of the versions the endpoint asks for, those that have not expired. */
  #keysOf({ secrets, signing }: Destination): SigningKey[] {
    const now = this.#platform.now();
    return secrets
      .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
      .flatMap(({ key }) => this.#keyOf(key) ?? [])
      .filter(({ version }) => signing.includes(version));
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

/** Returns a post that sends nothing. */
function refusing(code: string, response: string | null): Post {
  const ending: Ending = { status: 0, code, ms: 0, retryAfter: null, response };
  return () => Promise.resolve(ending);
}
