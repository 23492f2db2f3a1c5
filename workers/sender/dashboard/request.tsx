import { utf8 } from "../../../shared/bytes.ts";
import { curlOf } from "../../../shared/pages/curl.ts";
import { Foreign, ForeignBlock } from "../../../shared/pages/parts.tsx";
import { keptHeaders, type SentRequest } from "../operations/sent-request.ts";

/** The request of a delivery: its headers and body as sent, and a command that sends it again. */

/** `bodyUrl`: where the command fetches a body that is too long for it. */
export function RequestSent({ request, bodyUrl }: { request: SentRequest; bodyUrl: string }) {
  const { method, url, headers, body } = request;
  return (
    <>
      <p class="mono">
        {method} <Foreign text={url} />
      </p>
      <ForeignBlock label="Headers" text={headers.map(([name, value]) => `${name}: ${value}`).join("\n")} />
      <p class="quiet">
        By the endpoint's present settings. Each attempt has a time and a signature of its own; they are not kept.
      </p>
      {body === null ? (
        <p>The body is gone: it reached the end of the retention time.</p>
      ) : (
        <>
          <ForeignBlock label="Body" text={body} />
          <Curl request={request} body={body} bodyUrl={bodyUrl} />
        </>
      )}
    </>
  );
}

function Curl({ request, body, bodyUrl }: { request: SentRequest; body: string; bodyUrl: string }) {
  const { method, url } = request;
  const command = curlOf({ method, url, headers: keptHeaders(request), body: utf8(body), bodyUrl });
  return (
    <details>
      <summary>As curl, unsigned</summary>
      <button type="button" class="copy" data-copy-from="curl" hidden>
        Copy as curl
      </button>
      <pre id="curl" tabindex={0}>
        {command}
      </pre>
    </details>
  );
}
