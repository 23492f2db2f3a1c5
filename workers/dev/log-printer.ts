import { LOG_WORDS, type LogFields, type Tone } from "./log-words.ts";

/** Lines of the Workers as the terminal shows them: in words for people, or the JSON itself for machines. */

export type LogFormat = "people" | "json";
export type LogSource = "sender" | "receiver" | "clock";
type Printing = { format: LogFormat; colour: boolean };

const SOURCES: Readonly<Record<LogSource, number>> = { sender: 36, receiver: 35, clock: 33 };
const TONES: Readonly<Record<Tone, number | null>> = { good: 32, plain: null, warning: 33, bad: 31 };
const DIM = 2;
/** Characters that could move the cursor or hide text: fields hold texts of strangers. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/**
 * Returns a line as it is printed. An event that has no words, and output that is no event, stay as they came.
 * `now`: the time of printing, shown as local time.
 */
export function printedLine(source: LogSource, line: string, now: Date, { format, colour }: Printing): string {
  const paint = (text: string, code: number | null) =>
    colour && code !== null ? `\u001b[${code}m${text}\u001b[0m` : text;
  if (format === "json") return paint(`${source.padEnd(8)} | `, SOURCES[source]) + line;
  const [tone, text] = inWords(line, now) ?? ["plain", line];
  return `${paint(timeOfDay(now), DIM)} ${paint(source.padEnd(8), SOURCES[source])}  ${paint(text, TONES[tone])}`;
}

/** Returns the words for a line of a Worker's log; null for any other line. */
function inWords(line: string, now: Date): readonly [Tone, string] | null {
  const fields = fieldsOf(line);
  const name = String(fields?.event);
  const wording = Object.hasOwn(LOG_WORDS, name) ? LOG_WORDS[name] : undefined;
  if (fields === null || wording === undefined) return null;
  const [tone, template] = typeof wording === "function" ? wording(fields) : wording;
  return [tone, template.replaceAll(/\{(\w+)\}/g, (_, field: string) => shownField(fields[field], now))];
}

function fieldsOf(line: string): LogFields | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as LogFields;
  } catch {
    return null;
  }
}

function shownField(value: unknown, now: Date): string {
  if (typeof value !== "string") return value === undefined ? "?" : JSON.stringify(value);
  return ISO_TIME.test(value) ? shownTime(new Date(value), now) : value.replace(CONTROL, " ");
}

/** Returns a local time, with its date when that is not the day of `now`. */
function shownTime(time: Date, now: Date): string {
  if (time.toDateString() === now.toDateString()) return timeOfDay(time);
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map((part) => String(part).padStart(2, "0"));
  return `${date.join("-")} ${timeOfDay(time)}`;
}

function timeOfDay(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
