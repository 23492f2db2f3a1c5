import type { Setting } from "../config.ts";
import { ALERT_FORMATS, type AlertFormat } from "./message.ts";
import { type AlertRules, type AlertWords, alertRulesSetting } from "./rules.ts";

/** The variables of alerts, which both Workers have: where alerts go, in which form, and the rules. */

/** `url`: null when nobody is to be told; then no rule is on. */
export type AlertsConfig<Word extends string> = { url: string | null; format: AlertFormat; rules: AlertRules<Word> };

const MAX_ALERT_URL = 2048;

const alertUrlSetting: Setting<string> = {
  fallback: "",
  bounds: "a URL that may be called",
  read: (text) => (text.length <= MAX_ALERT_URL ? text : undefined),
};

const formatSetting: Setting<AlertFormat> = {
  fallback: "standard",
  bounds: `${ALERT_FORMATS.slice(0, -1).join(", ")} or ${ALERT_FORMATS.at(-1)}`,
  read: (text) => ALERT_FORMATS.find((format) => format === text),
};

/** Returns the variables of a Worker whose rules have these words. `rules`: those that are on where none are set. */
export function alertSettings<Word extends string>(words: AlertWords<Word>, rules: string) {
  return {
    ALERT_URL: alertUrlSetting,
    ALERT_FORMAT: formatSetting,
    ALERT_RULES: alertRulesSetting(words, { fallback: rules, bounds: "rules, or none" }),
  };
}

/** Returns what the variables say. */
export function alertsFrom<Word extends string>(values: {
  ALERT_URL: string;
  ALERT_FORMAT: AlertFormat;
  ALERT_RULES: AlertRules<Word>;
}): AlertsConfig<Word> {
  const { ALERT_URL: url, ALERT_FORMAT: format, ALERT_RULES: rules } = values;
  const none: AlertRules<Word> = Object.create(null);
  return { url: url || null, format, rules: url === "" ? none : rules };
}
