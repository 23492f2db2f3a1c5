import { Foreign, State } from "../../../../shared/pages/parts.tsx";
import { NO_FILTER } from "../../event/filter.ts";
import type { Rejection } from "../../rejected/rejections.ts";
import { address } from "../parts/address.ts";
import { Moment } from "../parts/badges.tsx";
import { Frame, type View } from "../parts/frame.tsx";
import { bytesText } from "../parts/text.ts";

export type RejectedProps = {
  view: View;
  rejections: readonly Rejection[];
  /** How many were refused since the log began, kept or not. */
  total: number;
};

/** The rule that a request broke, for people. */
const REASONS: Record<Rejection["reason"], string> = {
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
  question_malformed: "A question that the provider does not ask",
  question_token_mismatch: "Wrong verify token",
  question_secret_unset: "The source has no handshakeSecret to answer with",
  body_too_large: "Body larger than MAX_BODY_BYTES",
  configuration_error: "The source is not configured correctly",
};

/** `GET /rejected`: what was not let into the log, and why. */
export function Rejected({ view, rejections, total }: RejectedProps) {
  const { place, sources } = view;
  return (
    <Frame title="Rejected requests" tab="rejected" view={view}>
      <ul class="chips" aria-label="Sources">
        {[null, ...sources].map((source) => (
          <li>
            <a
              href={address("/rejected", { ...place, filter: { ...NO_FILTER, source } })}
              aria-current={source === place.filter.source ? "true" : undefined}
            >
              {source ?? "All sources"}
            </a>
          </li>
        ))}
      </ul>
      {rejections.length === 0 ? (
        <p>None was refused.</p>
      ) : (
        <p class="quiet">
          {total.toLocaleString("en")} refused in all; of each source, the newest 100 are kept. A refused request uses
          up no id: sent again as it should be, it is accepted.
        </p>
      )}
      {rejections.map((rejection) => (
        <Refusal {...rejection} />
      ))}
    </Frame>
  );
}

function Refusal({ at, source, reason, diagnosis, headers, bytes }: Rejection) {
  return (
    <article class="refusal">
      <h2>
        <State kind="bad" sign="■" text={REASONS[reason]} />
      </h2>
      <p>
        {diagnosis === null ? (
          <span class="quiet">Nothing more is known of it.</span>
        ) : (
          <Foreign text={diagnosis.text} />
        )}
      </p>
      <p class="quiet">
        <Moment at={new Date(at).toISOString()} />, source <Foreign text={source} />,{" "}
        {bytes === null ? "not read to its end" : bytesText(bytes)}, <code>{reason}</code>
        {diagnosis !== null && (
          <>
            {" "}
            <code>{diagnosis.code}</code>
          </>
        )}
      </p>
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
