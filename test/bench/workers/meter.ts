import { AsyncLocalStorage } from "node:async_hooks";
import { rowsRead, rowsWritten } from "./row-count.ts";

/**
 * Counts what the platform bills a Worker for: requests, calls of objects, the time in which objects have work, rows, KV
 * operations and log lines. For one Worker's isolate, of which all objects are part.
 */

/**
 * `requests`: of the Worker, and calls of its couriers. `objectCalls`: alarms included. `objectMs`: the time in which
 * each object had work, added up.
 */
export type Operations = {
  requests: number;
  courierCalls: number;
  objectCalls: number;
  objectMs: number;
  rowsWritten: number;
  rowsRead: number;
  kvReads: number;
  kvWrites: number;
  kvLists: number;
  kvDeletes: number;
  logLines: number;
};

const counts = { requests: 0, courierCalls: 0, objectCalls: 0, logLines: 0 };
const kv = { get: 0, put: 0, list: 0, delete: 0 };

export function count(what: keyof typeof counts): void {
  counts[what]++;
}

/** Returns the counts since the Worker started. */
export function operations(): Operations {
  const objectMs = [...meters].reduce((sum, meter) => sum + meter.ms, 0);
  return { ...counts, objectMs, rowsWritten: rowsWritten(), rowsRead: rowsRead(), ...kvOperations() };
}

function kvOperations() {
  return { kvReads: kv.get, kvWrites: kv.put, kvLists: kv.list, kvDeletes: kv.delete };
}

/**
 * The time in which one object has work: a call or an alarm that has not ended, background work, or a timer. An object
 * without any of these is not billed. The clock is the runtime's, which stands still between inputs and outputs.
 */
class Meter {
  #working = 0;
  #since = 0;
  #ms = 0;

  begin(): void {
    if (this.#working++ === 0) this.#since = Date.now();
  }

  end(): void {
    if (--this.#working === 0) this.#ms += Date.now() - this.#since;
  }

  get ms(): number {
    return this.#ms + (this.#working > 0 ? Date.now() - this.#since : 0);
  }

  /** Counts until `work` has settled. */
  during<Result>(work: () => Result): Result {
    this.begin();
    try {
      const result = current.run(this, work);
      if (result instanceof Promise)
        result.then(
          () => this.end(),
          () => this.end(),
        );
      else this.end();
      return result;
    } catch (error) {
      this.end();
      throw error;
    }
  }
}

const meters = new Set<Meter>();
const meterOf = new WeakMap<DurableObjectState, Meter>();
/** The meter of the object whose code runs. */
const current = new AsyncLocalStorage<Meter>();
const timers = new Map<ReturnType<typeof setTimeout>, Meter>();

/** Begins to measure an object, before its constructor runs. */
export function meterObject(ctx: DurableObjectState): void {
  const meter = new Meter();
  meters.add(meter);
  meterOf.set(ctx, meter);
  watchBackgroundWork(ctx);
}

/** Wraps the methods of an object's class, which other objects and the runtime call. */
export function meterMethods(prototype: object, base: object): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(base))) {
    if (name === "constructor" || typeof value !== "function") continue;
    const method = function (this: { ctx: DurableObjectState }, ...call: unknown[]) {
      if (name === "alarm") count("objectCalls");
      return meterOf.get(this.ctx)?.during(() => Reflect.apply(value, this, call));
    };
    Object.defineProperty(prototype, name, { value: method, configurable: true, writable: true });
  }
}

let watched = false;

function watchBackgroundWork(ctx: DurableObjectState): void {
  if (watched) return;
  watched = true;
  const prototype = Object.getPrototypeOf(ctx) as DurableObjectState;
  const { waitUntil } = prototype;
  prototype.waitUntil = function (this: DurableObjectState, work: Promise<unknown>) {
    meterOf.get(this)?.during(() => work);
    return waitUntil.call(this, work);
  };
}

const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

function endTimer(id: ReturnType<typeof setTimeout>): void {
  timers.get(id)?.end();
  timers.delete(id);
}

globalThis.setTimeout = ((work: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
  const id: ReturnType<typeof setTimeout> = startTimer(() => {
    endTimer(id);
    work(...args);
  }, ms);
  const meter = current.getStore();
  meter?.begin();
  if (meter !== undefined) timers.set(id, meter);
  return id;
}) as typeof setTimeout;

globalThis.clearTimeout = ((id: ReturnType<typeof setTimeout>) => {
  endTimer(id);
  stopTimer(id);
}) as typeof clearTimeout;

const { log } = console;
console.log = (...line: unknown[]) => {
  count("logLines");
  log(...line);
};

/** Environments by the one they wrap: the Workers keep what they read from an environment with it. */
const wrapped = new WeakMap<object, object>();

/** Returns an environment whose stubs and namespaces count the calls made on them. */
export function counted<Env extends object>(env: Env): Env {
  const known = wrapped.get(env);
  if (known !== undefined) return known as Env;
  const bindings = Object.entries(env).map(([name, binding]: [string, unknown]) => [name, countedBinding(binding)]);
  const made = Object.fromEntries(bindings) as Env;
  wrapped.set(env, made);
  return made;
}

function countedBinding(binding: unknown): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  if ("idFromName" in binding) {
    return wrap(binding, (name, result) => (name.startsWith("get") ? countedStub(result as object) : result));
  }
  return wrap(binding, (name, result) => {
    if (name in kv) kv[name as keyof typeof kv]++;
    return result;
  });
}

/** Each call of a stub's method is a request to its object. */
function countedStub(stub: object): object {
  return wrap(stub, (_name, result) => {
    count("objectCalls");
    return result;
  });
}

/** Wraps the methods of an object; `called` gets each method's name and result, and returns the caller's. */
function wrap(target: object, called: (name: string, result: unknown) => unknown): object {
  return new Proxy(target, {
    get: (_target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function" || typeof name !== "string" || name === "then") return member;
      return (...call: unknown[]) =>
        called(name, (target as Record<string, (...call: unknown[]) => unknown>)[name]?.(...call));
    },
  });
}
