import { type AlertSent, Alerts } from "../../../shared/alerts/alerts.ts";
import { presentCondition } from "../../../shared/alerts/message.ts";
import { postAlerts } from "../../../shared/alerts/post.ts";
import type { TestedAlert } from "../../../shared/alerts/test.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { MINUTE_MS } from "../../../shared/time.ts";
import type { Config } from "../config.ts";
import type { Arrival } from "../event/arrival.ts";
import { forwardKeys } from "../verify/forward-secret.ts";
import type { Source } from "../verify/source.ts";
import type { InboxMemory } from "./memory.ts";

/**
 * The alerts of one log: tells which conditions begin and end, as far as the rules ask for them. The alarm looks; a
 * request leaves no more than a number or a time in memory.
 */

/** Refusals must stay below the rule's number for so long before the condition ends. */
const CALM_MS = 5 * MINUTE_MS;
/** The storage must fall so far below its limit, in percent, before the condition ends: it would flutter otherwise. */
const RELIEF_PERCENT = 5;
/** The alarm comes no sooner than this for a look. */
const SOON_MS = 1000;
const PLATFORM = { fetch: (...call: Parameters<typeof fetch>) => fetch(...call), now: () => Date.now() };

type ShownCondition = ReturnType<typeof presentCondition>;
export type LogAlerts = { conditions: ShownCondition[]; last: (AlertSent & { at: number }) | null };

/** A source of which silence is told, and how long it may be. */
type QuietSource = Pick<Source, "name"> & { silentMs: number };

export class InboxAlerts {
  readonly #memory: InboxMemory;
  readonly #config: Config;
  #made: Alerts | null = null;
  /** Refused requests in the minute since 1970, and when there were last too many (unix ms). */
  #minute = { number: 0, refused: 0 };
  #floodAt = Date.now();
  /** Since when KV fails (unix ms); null while it does not. */
  #kvSince: number | null = null;
  /** Times of the last events of the sources of which silence is told (unix ms), once they were asked for. */
  readonly #lastAt = new Map<string, number>();

  constructor(memory: InboxMemory, config: Config) {
    this.#memory = memory;
    this.#config = config;
    memory.wakesBesides = (now) => {
      try {
        return this.#nextAt(now);
      } catch {
        // The log's own alarm comes all the same, and its look says what is wrong.
        return null;
      }
    };
  }

  get view(): LogAlerts {
    return { conditions: this.#alerts.open.map(presentCondition), last: this.#alerts.last };
  }

  test(): Promise<TestedAlert> {
    return this.#alerts.test();
  }

  /** Tells what is to be told. Never throws. */
  async run(): Promise<void> {
    if (!this.#isOn) return;
    try {
      await this.#alerts.run();
    } catch (error) {
      logEvent("chore.failed", { chore: "alerts", error: String(error) });
    }
  }

  /** Counts refused requests. */
  refused(count: number, now: number): void {
    const { refused: limit } = this.#rules;
    if (limit === undefined) return;
    const number = Math.floor(now / MINUTE_MS);
    const before = this.#minute.number === number ? this.#minute.refused : 0;
    this.#minute = { number, refused: before + count };
    if (this.#minute.refused < limit) return;
    this.#floodAt = now;
    const text = `The log ${this.#log} refuses requests: ${this.#minute.refused} within a minute.`;
    this.#guarded(() => this.#alerts.begin("refused", this.#log, { text, since: now }));
  }

  /** Notes that events came, for sources of which silence is told. */
  received(arrivals: readonly Arrival[], now: number): void {
    if (this.#lastAt.size === 0) return;
    let ends = false;
    for (const { source } of arrivals) {
      if (!this.#lastAt.has(source)) continue;
      this.#lastAt.set(source, now);
      ends ||= this.#alerts.open.some(({ rule, subject }) => rule === "silent" && subject === source);
    }
    if (ends) this.#memory.armAt(now + SOON_MS);
  }

  /** Looks which conditions have begun or ended. Never throws. */
  look(now: number): void {
    if (!this.#isOn) return;
    this.#guarded(() => {
      this.#lookAtRefusals(now);
      this.#lookAtKv(now);
      this.#lookAtStorage(now);
      for (const source of this.#quietSources) this.#lookAtSource(source, now);
      this.#endTurnedOff();
    });
  }

  #lookAtRefusals(now: number): void {
    if (now - this.#floodAt < CALM_MS) return;
    const text = `The log ${this.#log} refuses few requests again.`;
    this.#alerts.end("refused", this.#log, text);
  }

  #lookAtKv(now: number): void {
    const { retryAt, housekeeping, sealed, open } = this.#memory.state;
    const { kv: minutes } = this.#rules;
    if (retryAt === null && housekeeping.retryAt === null) {
      this.#kvSince = null;
      this.#alerts.end("kv", this.#log, `KV takes the events of the log ${this.#log} again.`);
      return;
    }
    this.#kvSince ??= now;
    if (minutes === undefined || now - this.#kvSince < minutes * MINUTE_MS) return;
    const waiting = sealed.filter(({ putAt }) => putAt === null).reduce((sum, { n }) => sum + n, open.count);
    const text = `KV fails for the log ${this.#log}: ${waiting} events wait in the Inbox. They are safe there.`;
    this.#alerts.begin("kv", this.#log, { text, since: this.#kvSince });
  }

  #lookAtStorage(now: number): void {
    const { storage: limit } = this.#rules;
    if (limit === undefined) return;
    const used = Math.floor((100 * this.#memory.store.sql.bytes) / this.#config.storageLimit);
    const text = `The Inbox of the log ${this.#log} has used ${used} % of its storage.`;
    if (used >= limit) this.#alerts.begin("storage", this.#log, { text, since: now });
    else if (used < limit - RELIEF_PERCENT) this.#alerts.end("storage", this.#log, text);
  }

  #lookAtSource({ name, silentMs }: QuietSource, now: number): void {
    const lastAt = this.#lastAtOf(name, now);
    const since = shownMinute(lastAt);
    if (now - lastAt >= silentMs) {
      const text = `The source ${name} is silent: no event since ${since}.`;
      this.#alerts.begin("silent", name, { text, since: lastAt });
    } else this.#alerts.end("silent", name, `The source ${name} sends again: an event came at ${since}.`);
  }

  #lastAtOf(source: string, now: number): number {
    const known = this.#lastAt.get(source) ?? this.#recalled(source, now);
    this.#lastAt.set(source, known);
    return known;
  }

  /** Returns when a source sent last, as the tables know it, or since when it is watched, which is noted once. */
  #recalled(source: string, now: number): number {
    const { tails, ledger } = this.#memory.store;
    const lastAt = tails.lastAt(source) ?? ledger.lastAt(source);
    if (lastAt !== null) return lastAt;
    const watched = ledger.note("watched") ?? {};
    const since = Object.hasOwn(watched, source) ? watched[source] : undefined;
    if (since === undefined) ledger.setNote("watched", { ...watched, [source]: now });
    return since ?? now;
  }

  #endTurnedOff(): void {
    const quiet = new Set(this.#quietSources.map(({ name }) => name));
    for (const { rule, subject } of this.#alerts.open) {
      const isOff = !(rule in this.#rules) || (rule === "silent" && !quiet.has(subject ?? ""));
      if (isOff) this.#alerts.end(rule, subject, `The rule "${rule}" was turned off.`);
    }
  }

  /** Returns when to look again, or to tell something (unix ms). */
  #nextAt(now: number): number | null {
    if (!this.#isOn) return null;
    const isOpen = (rule: string, subject: string) =>
      this.#alerts.open.some((each) => each.rule === rule && each.subject === subject);
    const due: number[] = [];
    if (isOpen("refused", this.#log)) due.push(this.#floodAt + CALM_MS);
    if (this.#kvSince !== null && !isOpen("kv", this.#log) && this.#rules.kv !== undefined) {
      due.push(this.#kvSince + this.#rules.kv * MINUTE_MS);
    }
    for (const { name, silentMs } of this.#quietSources) {
      const lastAt = this.#lastAtOf(name, now);
      const isSilent = now - lastAt >= silentMs;
      // Silence that begins, or an event that ends it, is for the next look.
      if (isSilent !== isOpen("silent", name)) due.push(now);
      else if (!isSilent) due.push(lastAt + silentMs);
    }
    const told = this.#alerts.nextAt(now);
    if (told !== null) due.push(told);
    return due.length === 0 ? null : Math.max(now + SOON_MS, Math.min(...due));
  }

  get #isOn(): boolean {
    return this.#config.alerts.url !== null;
  }

  get #rules(): Config["alerts"]["rules"] {
    return this.#config.alerts.rules;
  }

  get #quietSources(): QuietSource[] {
    if (!("silent" in this.#rules)) return [];
    return [...this.#config.sources.values()].flatMap(({ name, log, silentMs }) =>
      silentMs === null || log !== this.#log ? [] : [{ name, silentMs }],
    );
  }

  /** The log's name without its tenant. */
  get #log(): string {
    return this.#memory.identity.log.replace(/^[^/]*\//, "");
  }

  /** The conditions, read from the tables once these are there. */
  get #alerts(): Alerts {
    const { alerts, localDev, dohUrl, forwardSecret, sources } = this.#config;
    const keys = () => forwardKeys(forwardSecret, [...sources.values()]);
    const target = { url: alerts.url, format: alerts.format, localDev, dohUrl, keys };
    this.#made ??= new Alerts({
      ...{ format: alerts.url === null ? null : alerts.format, worker: "receiver", meta: this.#memory.store.meta },
      alarm: { arm: (at) => this.#memory.armAt(at) },
      post: (messages) => postAlerts(messages, target, PLATFORM),
      now: Date.now,
    });
    return this.#made;
  }

  /** Does what no request may fail for, and no other task of the alarm. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      logEvent("chore.failed", { chore: "alerts", error: String(error) });
    }
  }
}

function shownMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
