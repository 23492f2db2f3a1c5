import type { presentSecrets } from "../operations/secrets.ts";
import { endpointPath, Frame, type FrameProps, Time } from "./frame.tsx";

type Props = FrameProps & { id: string; secrets: ReturnType<typeof presentSecrets>["secrets"] };

/** The live secrets: shown on request, after creation and after rotation, and nowhere else. */
export function SecretPage({ id, secrets, ...frame }: Props) {
  return (
    <Frame title="Signing secret" {...frame}>
      <p>
        <a href={endpointPath(id)}>
          ← Endpoint <code>{id}</code>
        </a>
      </p>
      <p>Give it to whoever runs the endpoint, by a way that nobody else can read.</p>
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
          {publicKey === null ? <Line label="Secret" text={secret} /> : <Line label="Public key" text={publicKey} />}
        </section>
      ))}
    </Frame>
  );
}

function Line({ label, text }: { label: string; text: string }) {
  return (
    <>
      <p class="quiet">{label}</p>
      <pre tabindex={0}>{text}</pre>
    </>
  );
}
