// @ts-check
import { markForms } from "./forms.js";
import { announceNotice } from "./notice.js";

/** The script of the sign-in form. The browser sends the form itself, so that it can keep the token. */

markForms();
announceNotice();
