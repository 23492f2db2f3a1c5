import type { Setting } from "../config.ts";

/** The rules of alerts, as a variable has them: words, some with a number, separated by commas. */

/** The bounds of a rule's number; null for a rule that has none. */
export type AlertWords<Word extends string> = Readonly<Record<Word, { min: number; max: number } | null>>;

/** The rules that are on, each with its number, 0 where it has none. */
export type AlertRules<Word extends string> = Readonly<Partial<Record<Word, number>>>;

const NO_RULES = "none";

export function alertRulesSetting<Word extends string>(
  words: AlertWords<Word>,
  { fallback, bounds }: { fallback: string; bounds: string },
): Setting<AlertRules<Word>> {
  return { fallback, bounds, read: (text) => readRules(words, text) };
}

function readRules<Word extends string>(words: AlertWords<Word>, text: string): AlertRules<Word> | undefined {
  const rules: Partial<Record<Word, number>> = {};
  if (text === NO_RULES) return rules;
  for (const rule of text.split(",")) {
    const [, word = "", digits] = /^ *([a-z]+)(?: +(\d{1,6}))? *$/.exec(rule) ?? [];
    if (!isWord(words, word) || rules[word] !== undefined) return undefined;
    const bounds = words[word];
    const number = Number(digits ?? 0);
    const fits =
      bounds === null ? digits === undefined : digits !== undefined && number >= bounds.min && number <= bounds.max;
    if (!fits) return undefined;
    rules[word] = number;
  }
  return rules;
}

function isWord<Word extends string>(words: AlertWords<Word>, word: string): word is Word {
  return Object.hasOwn(words, word);
}
