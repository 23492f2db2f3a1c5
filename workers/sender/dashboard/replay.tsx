import { Time } from "../../../shared/pages/parts.tsx";
import { endpointPath } from "./frame.tsx";
import type { EndpointSummary } from "./summary.ts";

/** Replays on the page of an endpoint: the form that begins one, and how far it is. */

type ShownReplay = NonNullable<EndpointSummary["endpoint"]["replay"]>;

/** Fields of the form that begins a replay. */
export const REPLAY_FIELDS = ["since", "until", "types", "only"];

export function ReplayForm({ id }: { id: string }) {
  return (
    <details id="replay" data-answer>
      <summary>Send a part of the log again</summary>
      <form method="post" action={`${endpointPath(id)}/replay`} class="fields">
        <div>
          <label for="field-since">Since, UTC</label>
          <input type="datetime-local" id="field-since" name="since" aria-describedby="since-hint" />
          <span class="quiet" id="since-hint">
            Empty: from the log's start
          </span>
        </div>
        <div>
          <label for="field-until">Until, UTC</label>
          <input type="datetime-local" id="field-until" name="until" aria-describedby="until-hint" />
          <span class="quiet" id="until-hint">
            Empty: to its end
          </span>
        </div>
        <div>
          <label for="field-replayed-types">Event types</label>
          <input id="field-replayed-types" name="types" aria-describedby="replayed-types-hint" />
          <span class="quiet" id="replayed-types-hint">
            Such as order.paid or order.*, separated by spaces; empty: all that the endpoint takes
          </span>
        </div>
        <label>
          Which events
          <select name="only">
            <option value="missing">those that it has not got</option>
            <option value="all">all, also those delivered</option>
          </select>
        </label>
        <button type="submit" class="main">
          Replay
        </button>
      </form>
    </details>
  );
}

/** How far a replay is; while it runs, with the button that ends it. */
export function ReplayText({ id, replay }: { id: string; replay: ShownReplay }) {
  const { state, found, foundAll, sent, lost, startedAt, endedAt, gone } = replay;
  const at = endedAt ?? startedAt;
  return (
    <>
      {STATE_TEXTS[state]}: <span class="number">{sent}</span> of{" "}
      <span class="number">{foundAll || state !== "running" ? found : `at least ${found}`}</span> sent
      {lost > 0 && `, ${lost} went from the log before`}
      {at !== null && (
        <div class="quiet">
          {endedAt === null ? "since" : "at"} <Time at={at} />
        </div>
      )}
      {gone !== null && (
        <div class="quiet">
          The log no longer has the events up to number {gone.toSeq}
          {gone.loggedBefore !== null && (
            <>
              , logged before <Time at={gone.loggedBefore} />
            </>
          )}
          .
        </div>
      )}
      {state === "running" && (
        <form method="post" action={`${endpointPath(id)}/replay/cancel`}>
          <button type="submit" id="cancel-replay">
            Cancel the replay
          </button>
        </form>
      )}
    </>
  );
}

const STATE_TEXTS: Record<ShownReplay["state"], string> = {
  running: "Under way",
  done: "Done",
  cancelled: "Cancelled",
};
