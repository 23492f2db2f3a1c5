import { Foreign } from "../../../../shared/pages/parts.tsx";
import type { EventSummary } from "../../event/record.ts";
import { address, type Place } from "./address.ts";
import { Check, Moment } from "./badges.tsx";
import { bytesText } from "./text.ts";

/** One event of the list. What the script fills in a new row is marked `data-slot`. */
export function Row({ event, place }: { event: EventSummary; place: Place }) {
  const { seq, type, id, source, bytes, receivedAt, verification } = event;
  return (
    <tr id={`e${seq}`}>
      <th scope="row">
        <a data-slot="link" href={address(`/e/${seq}`, place)}>
          <span data-slot="type">
            <Foreign text={type ?? NO_TYPE} />
          </span>
        </a>
        <code class="quiet" data-slot="id">
          <Foreign text={id ?? ""} />
        </code>
      </th>
      <td data-label="Check">
        <Check verification={verification} />
      </td>
      <td data-label="Source">
        <a class="plain" data-slot="source" href={address("/", { log: place.log, filter: ofSource(place, source) })}>
          <Foreign text={source} />
        </a>
      </td>
      <td data-label="Size" class="number" data-slot="bytes">
        {bytesText(bytes)}
      </td>
      <td data-label="Received" data-slot="received">
        <Moment at={receivedAt} />
      </td>
    </tr>
  );
}

export const NO_TYPE = "(no type)";

/** Rows for the script to copy, one for each way of checking. */
export function RowTemplates({ place }: { place: Place }) {
  const empty = { seq: 0, type: "", id: "", source: "", bytes: 0, receivedAt: new Date(0).toISOString() };
  return (
    <>
      {(["verified", "authenticated", "unverified"] as const).map((verification) => (
        <template id={`row-${verification}`}>
          <Row event={{ ...empty, verification }} place={place} />
        </template>
      ))}
    </>
  );
}

function ofSource({ filter }: Place, source: string) {
  return { ...filter, source };
}
