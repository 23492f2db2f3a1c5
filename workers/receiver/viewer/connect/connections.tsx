import { utf8 } from "../../../../shared/bytes.ts";
import { type CurlRequest, curlOf } from "../../../../shared/pages/curl.ts";
import type { Source } from "../../verify/source.ts";
import { faultOf, faultText } from "../../verify/source-fault.ts";
import { href, unfiltered, webhookUrl } from "../parts/address.ts";
import { Snippet } from "../parts/badges.tsx";
import { type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { exampleFor } from "./example.ts";
import { PROVIDER_STEPS } from "./provider-steps.ts";

/** Connections to the sources of a log: the URL to give to a provider, and an example request that the source accepts. */

/** One source, without its secrets. `curl` is null if nobody but the provider can sign an example. */
type Connection = {
  name: string;
  scheme: string;
  url: string;
  /** Names of the variables that hold its secrets. */
  secretNames: readonly string[];
  fault: string | null;
  curl: CurlRequest | null;
};

/** Returns the connections of sources, each with an example signed at `now` (unix milliseconds). */
export function connectionsOf(
  sources: readonly Source[],
  { origin, now, id }: { origin: string; now: number; id: string },
): Promise<Connection[]> {
  return Promise.all(
    sources.map(async (source) => {
      const { name, schemeName: scheme, secretNames } = source;
      const fault = await faultOf(source);
      const url = webhookUrl(origin, name);
      const example = fault === null ? await exampleFor(source, { now, id, url }) : null;
      const curl = example && { method: "POST", url, headers: example.headers, body: utf8(example.body), bodyUrl: url };
      return { name, scheme, url, secretNames, fault, curl };
    }),
  );
}

type ConnectionsProps = { connections: readonly Connection[]; view: RequestedView };

/** `GET /connect`: every source of the log. */
export function ConnectPage({ connections, view }: ConnectionsProps) {
  return (
    <ViewerFrame title="Connect a provider" tab="connect" view={view}>
      <ConnectionList connections={connections} view={view} />
    </ViewerFrame>
  );
}

/** The list of a log without any event. */
export function EmptyLog({ connections, view }: ConnectionsProps) {
  return (
    <>
      <p>
        No event here yet. This page shows the next one as soon as it arrives. Requests that could not be verified are
        listed under <a href={href("/rejected", unfiltered(view.address))}>Rejected</a>, with the reason.
      </p>
      <ConnectionList connections={connections} view={view} />
    </>
  );
}

function ConnectionList({ connections, view }: ConnectionsProps) {
  return (
    <>
      {connections.map((connection) => (
        <section aria-labelledby={`source-${connection.name}`}>
          <h2 id={`source-${connection.name}`}>
            {connection.name} <span class="quiet">scheme {connection.scheme}</span>
          </h2>
          {connection.fault === null ? (
            <ConnectionSteps connection={connection} view={view} />
          ) : (
            <p class="message failed">{faultText(connection.name, connection.fault)}</p>
          )}
        </section>
      ))}
    </>
  );
}

/** The place of the secret on both sides, and the provider's own page about it. */
function ProviderText({ scheme, secretNames }: Pick<Connection, "scheme" | "secretNames">) {
  const provider = PROVIDER_STEPS[scheme];
  return (
    <p>
      {secretNames.length > 0 && (
        <>
          Its secret is in the variable <code>{secretNames.join(", ")}</code>.{" "}
        </>
      )}
      {provider?.steps}
      {provider?.documentation && (
        <>
          {" "}
          <a href={provider.documentation} rel="noreferrer">
            The provider's documentation
          </a>
        </>
      )}
    </p>
  );
}

function ConnectionSteps({ connection, view }: { connection: Connection; view: RequestedView }) {
  const { name, scheme, url, secretNames, curl } = connection;
  return (
    <>
      <p>Give the provider this URL:</p>
      <Snippet id={`url-${name}`} label={`URL of ${name}`} text={url} />
      <ProviderText {...{ scheme, secretNames }} />
      {curl === null ? (
        <p class="quiet">There is no example to send: only the provider can sign one.</p>
      ) : (
        <>
          <p>
            Or send an event yourself.{" "}
            {scheme !== "none" && (
              <>
                This command was signed just now and is valid for five minutes;{" "}
                <a href={href("/connect", unfiltered(view.address), { source: name })}>sign a new one</a>.
              </>
            )}
          </p>
          <Snippet id={`curl-${name}`} label={`curl for ${name}`} text={curlOf(curl)} />
        </>
      )}
    </>
  );
}
