import { faultText } from "../../verify/source-fault.ts";
import type { Way } from "../connect/ways.ts";
import { address, whole } from "../parts/address.ts";
import { Snippet } from "../parts/badges.tsx";
import { curlOf } from "../parts/curl.ts";
import { Frame, type View } from "../parts/frame.tsx";

/** How to make events come in: where a provider posts them to, and a request that proves the way works. */

export function Ways({ ways, view }: { ways: readonly Way[]; view: View }) {
  return (
    <>
      {ways.map((way) => (
        <section aria-labelledby={`source-${way.name}`}>
          <h2 id={`source-${way.name}`}>
            {way.name} <span class="quiet">scheme {way.scheme}</span>
          </h2>
          {way.fault === null ? (
            <WayIn way={way} view={view} />
          ) : (
            <p class="message failed">{faultText(way.name, way.fault)}</p>
          )}
        </section>
      ))}
    </>
  );
}

function WayIn({ way: { name, scheme, url, curl }, view }: { way: Way; view: View }) {
  return (
    <>
      <p>Give the provider this URL:</p>
      <Snippet id={`url-${name}`} label={`URL of ${name}`} text={url} />
      {curl === null ? (
        <p class="quiet">An example cannot be signed here: only the provider has what it takes.</p>
      ) : (
        <>
          <p>
            Or send an event yourself.{" "}
            {scheme !== "none" && (
              <>
                This line was signed just now and is good for five minutes;{" "}
                <a href={address("/connect", whole(view.place), { source: name })}>sign a new one</a>.
              </>
            )}
          </p>
          <Snippet id={`curl-${name}`} label={`curl for ${name}`} text={curlOf(curl)} />
        </>
      )}
    </>
  );
}

/** `GET /connect`: every source of the log. */
export function Connect({ ways, view }: { ways: readonly Way[]; view: View }) {
  return (
    <Frame title="Connect a provider" tab="connect" view={view}>
      <Ways ways={ways} view={view} />
    </Frame>
  );
}

/** What the list of an empty log shows. */
export function Empty({ ways, view }: { ways: readonly Way[]; view: View }) {
  return (
    <>
      <p>
        No event here yet. This page shows the next one as soon as it arrives. What is not genuine stands under{" "}
        <a href={address("/rejected", whole(view.place))}>Rejected</a>, with the reason.
      </p>
      <Ways ways={ways} view={view} />
    </>
  );
}
