// @ts-check

import { offerCopies } from "../../../../shared/pages/client/copy.js";
import { sendForms } from "../../../../shared/pages/client/forms.js";
import { keepLocal } from "../../../../shared/pages/client/local-time.js";
import { announceNotice, forgetNotice } from "../../../../shared/pages/client/notice.js";
import { keepFresh } from "./refresh.js";
import { searchOn } from "./search.js";

/** The script of the dashboard's pages, which show everything without the script, too. */

forgetPost();
forgetNotice();
sendForms();
announceNotice();
keepLocal();
void keepFresh();
offerCopies();
void searchOn();

/** After a refused form, a reload shows the page that the form stood on, and sends nothing again. */
function forgetPost() {
  if (document.getElementById("posted") === null || !document.referrer.startsWith(`${location.origin}/`)) return;
  history.replaceState(history.state, "", document.referrer);
}
