import { diagnose } from "../../../workers/receiver/rejected/diagnosis/diagnose.ts";
import type { Diagnosis, Suspects } from "../../../workers/receiver/rejected/diagnosis/diagnosis.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import type { Scheme, SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import { CASES, type DiagnosisCase, NOW } from "../diagnosis-cases.ts";

/**
 * A Worker with the diagnosis alone. `POST /?case=<index>&work=<name>&times=<n>` diagnoses that forgery `times` times,
 * or only verifies it, and answers the diagnosis.
 */

export type Worked = { said: Diagnosis | null };

export default {
  async fetch(request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const one = CASES[Number(searchParams.get("case"))];
    if (one === undefined) return new Response("no such case", { status: 404 });
    const { diagnosed, verified } = workOf(one);
    const work = searchParams.get("work") === "diagnose" ? diagnosed : verified;
    for (let times = Number(searchParams.get("times")); times > 0; times--) await work();
    return Response.json({ said: await diagnosed() } satisfies Worked);
  },
} satisfies ExportedHandler;

function workOf({ scheme: name, secret, others, headers, body, reason }: DiagnosisCase) {
  const scheme = schemeOf(name);
  const suspects: Suspects = {
    scheme,
    secrets: [secret],
    others: others.map((other) => ({ ...other, scheme: schemeOf(other.scheme) })),
  };
  const request: SignedRequest = {
    method: "POST",
    url: "https://example.com/webhook?a=1",
    headers: new Headers(headers),
    body: body(),
  };
  return {
    diagnosed: () => diagnose(request, reason, { suspects, now: NOW }),
    verified: async () => {
      const verdict = await scheme.verify(request, [secret], NOW);
      if (verdict.ok || verdict.reason !== reason) throw new Error(`this is no forgery: ${JSON.stringify(verdict)}`);
    },
  };
}

function schemeOf(name: string): Scheme {
  const scheme = schemes[name];
  if (scheme === undefined) throw new Error(`there is no scheme ${name}`);
  return scheme;
}
