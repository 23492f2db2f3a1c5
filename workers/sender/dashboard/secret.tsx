import { Time } from "../../../shared/pages/parts.tsx";
import type { EndpointConfig, SignatureHeaders } from "../model/endpoint.ts";
import type { presentSecrets } from "../operations/secrets.ts";
import { DashboardFrame, type DashboardFrameProps, endpointPath } from "./frame.tsx";
import { VerifySnippets } from "./snippets.tsx";

/** The page of an endpoint's secrets: shown on request, after creation and after rotation, and nowhere else. */

type SecretPageProps = DashboardFrameProps & {
  id: string;
  secrets: ReturnType<typeof presentSecrets>["secrets"];
  signing: EndpointConfig["signing"];
  /** The names of the signed headers; null for the standard ones. */
  names: SignatureHeaders | null;
};

/** The secrets that sign now. */
export function SecretPage({ id, secrets, signing, names, ...frame }: SecretPageProps) {
  return (
    <DashboardFrame title="Signing secret" name={`Secret of ${id}`} {...frame}>
      <p>
        <a href={endpointPath(id)}>
          ← Endpoint <code>{id}</code>
        </a>
      </p>
      <p>Give it to whoever runs the endpoint, over a channel that nobody else can read.</p>
      {secrets.map(({ secret, version, publicKey, expiresAt }) => (
        <section>
          <h2>
            {version}
            {expiresAt === null ? "" : ", old"}
          </h2>
          {expiresAt !== null && (
            <p>
              Signs beside the new one until <Time at={expiresAt} />.
            </p>
          )}
          {publicKey === null ? (
            <SecretLine label="Secret" text={secret} />
          ) : (
            <SecretLine label="Public key" text={publicKey} />
          )}
        </section>
      ))}
      {signing.includes("v1") && <VerifySnippets names={names} />}
    </DashboardFrame>
  );
}

function SecretLine({ label, text }: { label: string; text: string }) {
  return (
    <>
      <p class="quiet">{label}</p>
      <pre tabindex={0}>{text}</pre>
    </>
  );
}
