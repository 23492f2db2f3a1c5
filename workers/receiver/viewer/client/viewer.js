// @ts-check
import { offerCopies } from "./copy.js";
import { listenForKeys } from "./keys.js";
import { followList } from "./list.js";
import { keepTimes } from "./times.js";

/** The script of the viewer's pages, which show everything without it, too. */

keepTimes();
offerCopies();
listenForKeys();
followList();
