// @ts-check
import { Arrivals } from "./arrivals.js";
import { showRepeated } from "./event.js";
import { followLog } from "./follow-log.js";
import { LiveList } from "./live-list.js";
import { showRejected } from "./rejected.js";

/** Follows the log of the page's list, with the list's filter, from the newest event that the page shows. */

export function followList() {
  const list = document.getElementById("events");
  const after = Number(list?.dataset.after ?? "x");
  if (list === null || !Number.isSafeInteger(after)) return;
  const { query = "" } = list.dataset;
  const view = new LiveList(list);
  const place = document.getElementById("arrivals");
  const arrivals = place === null ? null : new Arrivals(place);
  const whole = place?.dataset.query ?? query;
  followLog(query, after, {
    deliver: (events) => {
      view.add(events);
      if (whole === query) arrivals?.add(events);
    },
    again: (events) => {
      view.again(events);
      showRepeated(events);
    },
    missing: (parts) => view.missing(parts),
    rejected: showRejected,
    state: (state) => view.state(state),
    reset: () => location.reload(),
  });
  // The chart counts every arrival, also those that the filter leaves out.
  if (whole !== query)
    followLog(whole, after, {
      deliver: (events) => arrivals?.add(events),
      again: () => {},
      state: () => {},
      reset: () => location.reload(),
    });
}
