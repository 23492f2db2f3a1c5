// @ts-check
import { addressOf, followLog, readPage } from "./follow-log.js";
import { momentText, repeatedText } from "./text.js";
import { showTimes } from "./times.js";

/** Shows on the page of one event, as it happens, that the event came again. */

export function followEvent() {
  const place = document.getElementById("repeated");
  if (place === null) return;
  const { after, seq, log = "", query = "" } = place.dataset;
  const show = (/** @type {readonly import("./follow.js").Repeated[]} */ events) => {
    for (const event of events) if (event.seq === Number(seq)) showRepeated(place, event);
  };
  let connected = false;
  followLog(query, Number(after), {
    deliver: () => {},
    again: show,
    // Repetitions that came while nobody listened were told to nobody: the page asks once for each connection.
    state: (state) => {
      if (state === "live" && !connected) void repetitionsOf(Number(seq), log).then(show, () => {});
      connected = state !== "reconnecting";
    },
    // The event may be gone, and a reload of a form's answer would send the form again.
    reset: () => {},
  });
}

/** @param {number} seq @param {string} log @returns {Promise<import("./follow.js").Repeated[]>} */
async function repetitionsOf(seq, log) {
  const page = await readPage(addressOf("/events", new URLSearchParams(log), { after: seq - 1, limit: 1 }));
  return (page?.events ?? []).flatMap(({ seq, repeated }) => (repeated === undefined ? [] : [{ seq, ...repeated }]));
}

/** @param {HTMLElement} place @param {{ times: number, lastAt: string }} repeated */
function showRepeated(place, { times, lastAt }) {
  const [count, time] = [place.querySelector("[data-slot=times]"), place.querySelector("time")];
  if (count === null || time === null) return;
  count.textContent = repeatedText(times);
  time.dateTime = lastAt;
  time.textContent = momentText(lastAt);
  time.title = new Date(lastAt).toLocaleString();
  place.hidden = false;
  showTimes(place);
}
