import { Badge, Foreign, Time } from "../../../../shared/pages/parts.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import { targetText } from "../../event/request-line.ts";
import type { Rejection } from "../../rejected/rejection.ts";
import { KEPT_PER_SOURCE, type ListedRejection } from "../../rejected/rejections.ts";
import { href, type ViewAddress } from "../parts/address.ts";
import { SourceLinks } from "../parts/filters.tsx";
import { type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { bytesText } from "../parts/text.ts";

/** The page of rejected requests. */

type RejectedPageProps = {
  view: RequestedView;
  rejections: readonly ListedRejection[];
  /** Number of rejected requests since the log began, kept or not. */
  total: number;
};

/** Reasons in words. */
const REASON_TEXTS: Record<Rejection["reason"], string> = {
  id_missing: "No id",
  id_malformed: "Malformed id",
  timestamp_missing: "No timestamp",
  timestamp_malformed: "Malformed timestamp",
  timestamp_too_old: "Too old",
  timestamp_too_new: "From the future",
  signature_missing: "No signature",
  signature_malformed: "Malformed signature",
  token_missing: "No token",
  token_mismatch: "Wrong token",
  signature_mismatch: "Wrong signature",
  question_malformed: "Malformed handshake",
  question_token_mismatch: "Wrong verify token",
  question_secret_unset: "The source has no handshakeSecret to answer with",
  unknown_source: "No such source",
  method_not_allowed: "Wrong method",
  body_timeout: "Body too slow",
  body_too_large: "Body larger than MAX_BODY_BYTES",
  configuration_error: "The source is not configured correctly",
};

/** `GET /rejected`: the requests that did not enter the log, each with its reason. */
export function RejectedPage({ view, rejections, total }: RejectedPageProps) {
  const { address, sources } = view;
  const ofSource = { ...address, filter: { ...NO_FILTER, source: address.filter.source } };
  return (
    <ViewerFrame title="Rejected requests" tab="rejected" view={view}>
      <SourceLinks path="/rejected" address={ofSource} sources={sources} />
      {rejections.length === 0 ? (
        <p>No request was rejected.</p>
      ) : (
        <p class="quiet">
          {total.toLocaleString("en")} rejected in all. The newest {KEPT_PER_SOURCE} of each source are kept. A rejected
          request uses up no id: sent again correctly, it is accepted.
        </p>
      )}
      {rejections.map((rejection) => (
        <RejectionArticle rejection={rejection} address={address} />
      ))}
    </ViewerFrame>
  );
}

function RejectionArticle({ rejection, address }: { rejection: ListedRejection; address: ViewAddress }) {
  const { at, source, reason, diagnosis, headers, bytes, ...line } = rejection;
  return (
    <article class="rejection">
      <h2>
        <Badge kind="bad" sign="■" text={REASON_TEXTS[reason]} />
      </h2>
      <p>
        {diagnosis === null ? <span class="quiet">There is no diagnosis.</span> : <Foreign text={diagnosis.text} />}
      </p>
      {line.method !== null && (
        <p class="mono">
          <Foreign text={`${line.method} ${targetText(line)}`} />
        </p>
      )}
      <p class="quiet">
        <Time at={at} />,{" "}
        {source === null ? (
          "no source"
        ) : (
          <>
            source <Foreign text={source} />
          </>
        )}
        , {bytes === null ? "not read completely" : bytesText(bytes)}, <code>{reason}</code>
        {diagnosis !== null && (
          <>
            {" "}
            <code>{diagnosis.code}</code>
          </>
        )}
      </p>
      <TakeForm rejection={rejection} address={address} />
      <details>
        <summary>Headers</summary>
        <dl class="facts mono">
          {headers.map(([name, value]) => (
            <>
              <dt>
                <Foreign text={name} />
              </dt>
              <dd>
                <Foreign text={value} />
              </dd>
            </>
          ))}
        </dl>
      </details>
    </article>
  );
}

/** The button that takes the request in once its cause is mended, or a link to the event that it became. */
function TakeForm({ rejection, address }: { rejection: ListedRejection; address: ViewAddress }) {
  const { id, taken, takeableUntil } = rejection;
  if (taken !== null) {
    return (
      <p>
        Taken in as <a href={href(`/e/${taken.seq}`, { log: taken.log, filter: NO_FILTER })}>event {taken.seq}</a>.
      </p>
    );
  }
  if (id === null || takeableUntil === null) return null;
  return (
    <form method="post" action={href(`/rejected/${id}/take`, address)} class="actions">
      <button type="submit">Take in</button>
      <span class="quiet">
        Once the cause is mended: verifies the kept request again, and logs it once. Kept until{" "}
        <Time at={takeableUntil} />
      </span>
    </form>
  );
}
