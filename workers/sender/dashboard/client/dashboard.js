// @ts-check

import { offerCopies } from "../../../../shared/pages/client/copy.js";
import { sendForms } from "../../../../shared/pages/client/forms.js";
import { forgetNotice } from "../../../../shared/pages/client/notice.js";
import { keepFresh } from "./refresh.js";
import { searchOn } from "./search.js";

/** The script of the dashboard's pages, which show everything without the script, too. */

/** A screen reader says only what changes after it has read the page. */
const ANNOUNCE_MS = 500;

forgetPost();
forgetNotice();
sendForms();
setTimeout(announceMessage, ANNOUNCE_MS);
void keepFresh();
offerCopies();
void searchOn();

/** After a refused form, a reload shows the page that the form stood on, and sends nothing again. */
function forgetPost() {
  if (document.getElementById("posted") === null || !document.referrer.startsWith(`${location.origin}/`)) return;
  history.replaceState(history.state, "", document.referrer);
}

/** Puts the message that the page came with into its live region once more, so that it is read out. */
function announceMessage() {
  const message = document.querySelector("#message > p");
  message?.replaceWith(message.cloneNode(true));
}
