import { asset, modules } from "../../../../shared/pages/assets.ts";
import arrivals from "../client/arrivals.js";
import copy from "../client/copy.js";
import follow from "../client/follow.js";
import hours from "../client/hours.js";
import keys from "../client/keys.js";
import list from "../client/list.js";
import liveList from "../client/live-list.js";
import message from "../client/message.js";
import rows from "../client/rows.js";
import speech from "../client/speech.js";
import text from "../client/text.js";
import times from "../client/times.js";
import viewer from "../client/viewer.js";
import viewerCss from "./viewer.css";

/** The viewer's own files, beside those of every page. */

export const viewerStyle = asset("viewer.css", "text/css; charset=utf-8", viewerCss);

const scripts = modules([
  ["text.js", text],
  ["times.js", times],
  ["copy.js", copy],
  ["keys.js", keys],
  ["rows.js", rows],
  ["follow.js", follow],
  ["hours.js", hours],
  ["arrivals.js", arrivals],
  ["speech.js", speech],
  ["live-list.js", liveList],
  ["list.js", list],
  ["message.js", message],
  ["viewer.js", viewer],
]);

export const viewerFiles = [viewerStyle, ...scripts];

/** The module that the pages load; it imports the others. */
export const entry = scripts.at(-1) ?? viewerStyle;
