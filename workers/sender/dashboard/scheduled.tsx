import { Foreign, Time } from "../../../shared/pages/parts.tsx";
import type { listScheduled } from "../operations/scheduled.ts";
import { Confirm } from "./forms.tsx";
import { EVENTS_PATH, eventPath } from "./frame.tsx";

/** The events that wait for their time, on the page of events. */

export type ScheduledProps = { scheduled: Awaited<ReturnType<typeof listScheduled>>; isLater: boolean };

/** Characters of the data that a row shows. */
const SHOWN_DATA = 120;

/** `isLater`: a page after the first, which somebody has gone to. */
export function ScheduledList({ scheduled: { events, next, count }, isLater }: ScheduledProps) {
  if (count === 0) return null;
  return (
    <details id="scheduled" open={isLater}>
      <summary>{count === 1 ? "1 scheduled event" : `${count} scheduled events`}</summary>
      <table>
        <caption>Those first that are due first.</caption>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Due</th>
            <th scope="col">Data</th>
            <th scope="col">Actions</th>
          </tr>
        </thead>
        <tbody>
          {events.map(({ id, type, due, data }) => (
            <tr>
              <th scope="row">
                <Foreign text={type} />
                <div class="quiet">
                  <code>
                    <Foreign text={id} />
                  </code>
                </div>
              </th>
              <td data-label="Due">
                <Time at={due} />
              </td>
              <td data-label="Data" class="mono">
                <Foreign text={data.length > SHOWN_DATA ? `${data.slice(0, SHOWN_DATA)}…` : data} />
              </td>
              <td>
                <form method="post" action={`${eventPath(id)}/cancel`}>
                  <Confirm text="Yes, never send it" />
                  <button type="submit" class="danger">
                    Cancel
                  </button>
                </form>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <nav aria-label="Pages of scheduled events">
        {isLater && <a href={EVENTS_PATH}>First</a>}
        {next !== null && <a href={`${EVENTS_PATH}?scheduled=${next}#scheduled`}>Later</a>}
      </nav>
    </details>
  );
}
