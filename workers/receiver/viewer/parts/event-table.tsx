import { Foreign, Time } from "../../../../shared/pages/parts.tsx";
import type { EventSummary } from "../../event/record.ts";
import type { TextMatch } from "../../event/text-match.ts";
import { addressQuery, href, unfiltered, type ViewAddress } from "./address.ts";
import { VerificationBadge } from "./badges.tsx";
import { bytesText, NO_TYPE, repeatedText } from "./text.ts";
import { MatchText } from "./text-match.tsx";

/** The table of events, and the rows that the script makes for new ones (client/rows.js). */

type EventTableProps = {
  events: readonly EventSummary[];
  address: ViewAddress;
  /** Places of the searched text, by seq. */
  matches: ReadonlyMap<number, TextMatch>;
};

export function EventTable({ events, address, matches }: EventTableProps) {
  return (
    <table class="events">
      <caption class="unseen">Events, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Verification</th>
          <th scope="col">Source</th>
          <th scope="col">Size</th>
          <th scope="col">Received</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventListRow event={event} address={address} match={matches.get(event.seq)} />
        ))}
      </tbody>
    </table>
  );
}

/** One event. `data-slot` marks what the script fills in a new row. */
function EventListRow({
  event,
  address,
  match,
}: {
  event: EventSummary;
  address: ViewAddress;
  match?: TextMatch | undefined;
}) {
  const { seq, type, id, source, bytes, receivedAt, verification, repeated } = event;
  return (
    <tr id={`e${seq}`}>
      <th scope="row">
        <input type="checkbox" form="compare" name="seq" value={seq} aria-label={`Compare event ${seq}`} />
        <a data-slot="link" href={href(`/e/${seq}`, address)}>
          <span data-slot="type">
            <Foreign text={type ?? NO_TYPE} />
          </span>
        </a>
        <code class="quiet" data-slot="id">
          <Foreign text={id ?? ""} />
        </code>
        {match !== undefined && <MatchText match={match} />}
      </th>
      <td data-label="Verification">
        <VerificationBadge verification={verification} />
      </td>
      <td data-label="Source">
        <a class="plain" data-slot="source" href={href("/", { ...address, filter: { ...address.filter, source } })}>
          <Foreign text={source} />
        </a>
      </td>
      <td data-label="Size" class="number" data-slot="bytes">
        {bytesText(bytes)}
      </td>
      <td data-label="Received" data-slot="received">
        <Time at={receivedAt} />
        <span class="repeated" data-slot="repeated">
          {repeatedText(repeated?.times ?? 0)}
        </span>
      </td>
    </tr>
  );
}

/** Rows for the script to copy, one for each kind of verification. */
export function RowTemplates({ address }: { address: ViewAddress }) {
  const empty = { seq: 0, type: "", id: "", source: "", bytes: 0, receivedAt: new Date(0).toISOString() };
  return (
    <>
      {(["verified", "authenticated", "unverified"] as const).map((verification) => (
        <template id={`row-${verification}`}>
          <EventListRow event={{ ...empty, verification }} address={address} />
        </template>
      ))}
    </>
  );
}

/** The form of the boxes in the rows. The script keeps the last two that were checked (client/compare.js). */
export function CompareForm({ address }: { address: ViewAddress }) {
  return (
    <form id="compare" class="actions" action="/compare">
      {Object.entries(Object.fromEntries(addressQuery(unfiltered(address)))).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit">Compare two events</button>
      <span class="quiet" role="status">
        Check two in the list.
      </span>
    </form>
  );
}
