import { utf8 } from "../../../../shared/bytes.ts";
import type { Source } from "../../verify/source.ts";
import { faultOf } from "../../verify/source-fault.ts";

import { webhookUrl } from "../parts/address.ts";
import type { CurlRequest } from "../parts/curl.ts";
import { exampleFor } from "./example.ts";

/** The ways into a log: each source with its URL and a request that was signed at `now` (unix milliseconds). */
export function waysOf(
  sources: readonly Source[],
  { origin, now, id }: { origin: string; now: number; id: string },
): Promise<Way[]> {
  return Promise.all(
    sources.map(async (source) => {
      const { name, schemeName: scheme, log } = source;
      const fault = await faultOf(source);
      const url = webhookUrl(origin, name);
      const example = fault === null ? await exampleFor(source, { now, id, url }) : null;
      const curl = example && { url, headers: example.headers, body: utf8(example.body), bodyUrl: url };
      return { name, scheme, url, log, fault, curl };
    }),
  );
}

/** One source as it is configured; `curl` null when nothing can be signed for it here. */
export type Way = {
  name: string;
  scheme: string;
  url: string;
  log: string;
  fault: string | null;
  curl: CurlRequest | null;
};
