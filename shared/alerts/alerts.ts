import { logEvent } from "../log-event.ts";
import { RateLimiter } from "../rate-limiter.ts";
import { MINUTE_MS } from "../time.ts";
import { type AlertCondition, isOver, isUntold } from "./condition.ts";
import { type AlertFormat, type AlertMessage, messagesOf, testMessage } from "./message.ts";

/**
 * The conditions of one object, and their alerts: each is told once, and its end once, however often it is seen. The
 * conditions are one value of the object's `meta`, written when one begins, ends or was told, so a restart repeats
 * nothing. A crash between a POST and its note does; the message has the same id then.
 */

/** The end of a POST: `status` 0 and a code when no answer came. */
export type AlertSent = { status: number; code: string | null; ms: number; response: string | null };

type AlertMeans = {
  /** Null: nobody is to be told, and no condition is kept. */
  format: AlertFormat | null;
  worker: string;
  meta: { get<Value>(key: string): Value | null; set(key: string, value: unknown): void };
  alarm: { arm(at: number): void };
  /** Makes the POSTs, and returns the end of each. */
  post: (messages: readonly AlertMessage[]) => Promise<AlertSent[]>;
  now: () => number;
};

const CONDITIONS_KEY = "alerts";
/** More conditions at one time than this are not kept: all of them are one value. */
const MAX_CONDITIONS = 500;
/** Conditions that begin or end within this time are told together. */
const COLLECT_MS = 1000;
const RESEND_MS = MINUTE_MS;
const MAX_RESEND_MS = 60 * MINUTE_MS;
/** A condition that goes on is noted no more often than this: each note is a row. */
const NOTE_SEEN_MS = 10 * MINUTE_MS;
/** Tests in a minute. */
const TESTS = 5;

export class Alerts {
  readonly #means: AlertMeans;
  readonly #conditions: AlertCondition[];
  readonly #tests = new RateLimiter(TESTS, MINUTE_MS);
  #running = false;
  #failures = 0;
  #retryAt = 0;
  #last: (AlertSent & { at: number }) | null = null;

  constructor(means: AlertMeans) {
    this.#means = means;
    this.#conditions = means.format === null ? [] : (means.meta.get<AlertCondition[]>(CONDITIONS_KEY) ?? []);
  }

  get isOn(): boolean {
    return this.#means.format !== null;
  }

  /** The conditions that hold, the oldest first. */
  get open(): readonly AlertCondition[] {
    return this.#conditions.filter((condition) => !isOver(condition));
  }

  /** The end of the last POST in this life of the object; null before one. */
  get last(): (AlertSent & { at: number }) | null {
    return this.#last;
  }

  /** When there is something to tell (unix ms); null when there is nothing. */
  nextAt(now: number): number | null {
    return this.#conditions.some(isUntold) ? Math.max(this.#retryAt, now + COLLECT_MS) : null;
  }

  /** Notes that a condition holds. `since`: when it began. One that is known goes on, also when its end was not told yet. */
  begin(rule: string, subject: string | null, { text, since }: { text: string; since: number }): void {
    const now = this.#means.now();
    if (!this.isOn) return;
    const known = this.#find(rule, subject);
    if (known !== undefined) this.#goOn(known, now);
    else if (this.#conditions.length >= MAX_CONDITIONS) logEvent("alert.left_out", { rule, subject });
    else {
      this.#conditions.push({ rule, subject, text, since, seenAt: now, toldAt: null, endedAt: null, endText: "" });
      this.#changed(now);
    }
  }

  /** Notes that a condition no longer holds; one that is not known is none. */
  end(rule: string, subject: string | null, text: string): void {
    const known = this.#find(rule, subject);
    if (known === undefined || isOver(known)) return;
    const now = this.#means.now();
    known.endedAt = now;
    known.endText = text;
    this.#changed(now);
  }

  #goOn(known: AlertCondition, now: number): void {
    const isNews = isOver(known) || now - known.seenAt >= NOTE_SEEN_MS;
    known.endedAt = null;
    if (!isNews) return;
    known.seenAt = now;
    this.#save();
  }

  /** Tells what is to be told, as much as goes at one time. Never throws; what fails is tried again by the alarm. */
  async run(): Promise<void> {
    const { format, now, alarm } = this.#means;
    const waiting = this.#conditions.filter(isUntold).map((condition) => ({ ...condition }));
    if (format === null || this.#running || waiting.length === 0 || now() < this.#retryAt) return;
    this.#running = true;
    try {
      const messages = messagesOf(format, waiting);
      const sent = await this.#post(messages);
      for (const [index, { covers }] of messages.entries()) this.#note(covers, sent[index]);
    } finally {
      this.#running = false;
    }
    const next = this.nextAt(now());
    if (next !== null) alarm.arm(next);
  }

  /** Sends a test at once; a few a minute, as it goes to a person. */
  async test(): Promise<AlertSent | { waitSeconds: number } | null> {
    const { format, worker, now } = this.#means;
    if (format === null) return null;
    const waitSeconds = this.#tests.count("test", now());
    if (waitSeconds !== null) return { waitSeconds };
    const [sent] = await this.#post([testMessage(format, worker, `alert_test_${now()}`)]);
    return sent ?? null;
  }

  async #post(messages: readonly AlertMessage[]): Promise<AlertSent[]> {
    const began = this.#means.now();
    const sent = await this.#means
      .post(messages)
      .catch((error: unknown) => messages.map(() => notSent(String(error), this.#means.now() - began)));
    const last = sent.find((each) => !isTaken(each)) ?? sent.at(-1);
    if (last === undefined) return sent;
    this.#last = { ...last, at: began };
    const fields = { messages: messages.length, status: last.status, code: last.code, ms: last.ms };
    if (isTaken(last)) logEvent("alert.sent", fields);
    else logEvent("alert.failed", fields);
    return sent;
  }

  /** `told`: the conditions as they were when the POST was made. */
  #note(told: readonly AlertCondition[], sent: AlertSent | undefined): void {
    const now = this.#means.now();
    if (sent === undefined || !isTaken(sent)) {
      this.#retryAt = now + Math.min(RESEND_MS * 2 ** this.#failures++, MAX_RESEND_MS);
      return;
    }
    this.#failures = 0;
    for (const { rule, subject, endedAt } of told) {
      const known = this.#find(rule, subject);
      if (known === undefined) continue;
      // A condition that holds again since its end was told is a new one.
      if (endedAt !== null && known.endedAt === null) Object.assign(known, { toldAt: null, since: known.seenAt });
      else if (endedAt !== null) this.#conditions.splice(this.#conditions.indexOf(known), 1);
      else known.toldAt = now;
    }
    this.#save();
  }

  #find(rule: string, subject: string | null): AlertCondition | undefined {
    return this.#conditions.find((condition) => condition.rule === rule && condition.subject === subject);
  }

  #changed(now: number): void {
    this.#save();
    this.#means.alarm.arm(Math.max(this.#retryAt, now + COLLECT_MS));
  }

  #save(): void {
    this.#means.meta.set(CONDITIONS_KEY, this.#conditions);
  }
}

/** Returns whether the server took an alert. */
export function isTaken({ status }: AlertSent): boolean {
  return status >= 200 && status < 300;
}

function notSent(error: string, ms: number): AlertSent {
  return { status: 0, code: "request_failed", ms, response: error };
}
