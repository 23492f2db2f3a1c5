import { visible } from "../../../../shared/pages/visible.ts";
import { href, type ViewAddress } from "../parts/address.ts";
import { EventContent, type ShownEvent } from "../parts/event-content.tsx";
import { KeyHelp, type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { NO_TYPE } from "../parts/text.ts";

/** The page of one event. */

type EventPageProps = ShownEvent & { view: RequestedView };

/** `GET /e/:seq`: everything that the log holds of one event. */
export function EventPage(props: EventPageProps) {
  const { view, record, older, newer } = props;
  return (
    <ViewerFrame title={visible(record.type ?? NO_TYPE)} tab="events" view={view}>
      <NeighbourLinks address={view.address} older={older} newer={newer} />
      <div id="event" data-seq={record.seq}>
        <EventContent {...props} />
      </div>
      <KeyHelp />
    </ViewerFrame>
  );
}

/** Links to the list and to the events beside this one. */
function NeighbourLinks({
  address,
  older,
  newer,
}: {
  address: ViewAddress;
  older: number | null;
  newer: number | null;
}) {
  return (
    <nav class="pages" aria-label="Events beside this one">
      <a rel="up" href={href("/", address)}>
        ← All events
      </a>
      {newer !== null && (
        <a rel="next" href={href(`/e/${newer}`, address)}>
          Newer
        </a>
      )}
      {older !== null && (
        <a rel="prev" href={href(`/e/${older}`, address)}>
          Older
        </a>
      )}
    </nav>
  );
}
