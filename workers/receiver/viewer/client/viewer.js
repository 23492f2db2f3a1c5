// @ts-check
import { offerCopies } from "./copy.js";
import { followEvent } from "./event.js";
import { listenForKeys } from "./keys.js";
import { followList } from "./list.js";
import { forgetMessage } from "./message.js";
import { keepTimes } from "./times.js";

/** The script of the viewer's pages, which show everything without the script, too. */

forgetMessage();
keepTimes();
offerCopies();
listenForKeys();
followList();
followEvent();
