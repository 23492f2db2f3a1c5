// @ts-check
import { setMoment } from "../../../../shared/pages/client/local-time.js";
import { addressOf, followLog, readPage } from "./follow-log.js";
import { showRejected } from "./rejected.js";
import { repeatedText } from "./text.js";
import { showTimes } from "./times.js";

/** Shows on the page of one event, as it happens, that the event came again. */

/** Follows the event of a page of its own. Beside the list, the list's own connection tells of it. */
export function followEvent() {
  const place = document.getElementById("repeated");
  if (place === null || document.getElementById("events") !== null) return;
  const { after, seq, log = "", query = "" } = place.dataset;
  let connected = false;
  followLog(query, Number(after), {
    deliver: () => {},
    again: showRepeated,
    rejected: showRejected,
    // Repetitions that came while nobody listened were told to nobody: the page asks once for each connection.
    state: (state) => {
      if (state === "live" && !connected) void repetitionsOf(Number(seq), log).then(showRepeated, () => {});
      connected = state !== "reconnecting";
    },
    // The event may be gone, and a reload of a form's answer would send the form again.
    reset: () => {},
  });
}

/** Shows repetitions of the event on the page, if it is among them. @param {readonly import("./follow.js").Repeated[]} events */
export function showRepeated(events) {
  const place = document.getElementById("repeated");
  const again = events.find(({ seq }) => seq === Number(place?.dataset.seq));
  if (place !== null && again !== undefined) writeRepeated(place, again);
}

/** @param {number} seq @param {string} log @returns {Promise<import("./follow.js").Repeated[]>} */
async function repetitionsOf(seq, log) {
  const page = await readPage(addressOf("/events", new URLSearchParams(log), { after: seq - 1, limit: 1 }));
  return (page?.events ?? []).flatMap(({ seq, repeated }) => (repeated === undefined ? [] : [{ seq, ...repeated }]));
}

/** @param {HTMLElement} place @param {{ times: number, lastAt: string }} repeated */
function writeRepeated(place, { times, lastAt }) {
  const [count, time] = [place.querySelector("[data-slot=times]"), place.querySelector("time")];
  if (count === null || time === null) return;
  count.textContent = repeatedText(times);
  setMoment(time, lastAt);
  place.hidden = false;
  showTimes(place);
}
