// @ts-check

import { offerCopies } from "../../../../shared/pages/client/copy.js";
import { sendForms } from "../../../../shared/pages/client/forms.js";
import { keepLocal } from "../../../../shared/pages/client/local-time.js";
import { forgetNotice } from "../../../../shared/pages/client/notice.js";
import { readBody } from "./body.js";
import { offerComparing } from "./compare.js";
import { followEvent } from "./event.js";
import { listenForKeys } from "./keys.js";
import { followList } from "./list.js";
import { countRejected } from "./rejected.js";
import { continueSearch } from "./search.js";
import { splitView } from "./split.js";
import { keepTimes } from "./times.js";

/** The script of the viewer's pages, which show everything without the script, too. */

forgetNotice();
sendForms();
keepLocal();
keepTimes();
offerCopies();
listenForKeys();
splitView();
offerComparing();
followList();
followEvent();
countRejected();
continueSearch();
void readBody();
