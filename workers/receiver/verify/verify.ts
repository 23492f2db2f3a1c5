import { ConfigError } from "../../../shared/config.ts";
import type { SignedRequest, Verdict } from "./schemes/scheme.ts";
import type { Source } from "./source.ts";
import { faultOf, faultText } from "./source-fault.ts";

/** Who sends to us, and the logs they write to. */

export { DEFAULT_LOG, DEFAULT_SOURCE, type Source } from "./source.ts";

/** By name, `default` among them. */
export type Sources = ReadonlyMap<string, Source>;

/** The source of that name, or null. */
export function sourceOf(sources: Sources, name: string): Source | null {
  return sources.get(name) ?? null;
}

/**
 * The verdict of the source's scheme; `now` in unix seconds.
 *
 * @throws ConfigError naming the source and the key, when its configuration or one of its secrets is unusable.
 */
export async function verifyFrom(source: Source, request: SignedRequest, now: number): Promise<Verdict> {
  const fault = await faultOf(source);
  if (fault !== null) throw new ConfigError(faultText(source.name, fault));
  return source.scheme.verify(signedRequest(source, request), source.secrets, now);
}

/** @throws ConfigError naming every source that is configured wrongly: such a one accepts nothing. */
export async function checkSources(sources: Sources): Promise<void> {
  const faults = await Promise.all(
    [...sources.values()].map(async (source) => {
      const fault = await faultOf(source);
      return fault === null ? [] : [faultText(source.name, fault)];
    }),
  );
  if (faults.flat().length > 0) throw new ConfigError(faults.flat().join("; "));
}

/** The request with the URL that the provider called and signed: not the one that a proxy or the edge shows us. */
export function signedRequest({ url, scheme }: Source, request: SignedRequest): SignedRequest {
  if (url === null) return request;
  const called = new URL(request.url).search;
  if (called === "" || scheme.signedUrl === "configured") return { ...request, url };
  // What the provider adds to the query is part of what it signs.
  return { ...request, url: url.replace(/\?.*$/, "") + called };
}
