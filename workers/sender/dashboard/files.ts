import { modules } from "../../../shared/pages/assets.ts";
import dashboard from "./client/dashboard.js";
import refresh from "./client/refresh.js";

/** The script of the dashboard's pages, each module after those it imports. */
export const scripts = modules([
  ["refresh.js", refresh],
  ["dashboard.js", dashboard],
]);
