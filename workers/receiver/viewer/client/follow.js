// @ts-check

/**
 * Follows a log from a cursor: each event once, in order, whatever the connection does. It asks a WebSocket for one
 * batch at a time; where no socket can be had, it long-polls. Nothing here touches the page.
 *
 * @typedef {import("./rows.js").Summary} Summary
 * @typedef {{ seq: number, times: number, lastAt: string }} Repeated
 * @typedef {{ from: number, to: number }} Part
 * @typedef {{ events: Summary[], repeated?: Repeated[], rejected?: number, next: number, end?: boolean,
 *   missing?: Part[] }} Batch
 * @typedef {Pick<WebSocket, "send" | "close"> & EventTarget} Socket
 *
 * `page` reads the events after a cursor, and waits for some at most `wait` seconds. It resolves to null when the log
 * ends before the cursor, and rejects when the log cannot be read. `pause` ends after `ms`, or sooner when a retry may
 * work. `reset` is called when the log was rebuilt, and is shorter; `missing` for parts of it that cannot be read, and
 * are passed; `rejected` with the number of requests that were rejected in the last day.
 * @typedef {{ after: number, socket(after: number): Socket, page(after: number, wait: number): Promise<Batch | null>,
 * deliver(events: Summary[]): void, again(events: Repeated[]): void,
 * missing?(parts: Part[]): void, rejected?(lastDay: number): void, state(state: "live" | "catching up" | "reconnecting"): void, reset(): void,
 * pause(ms: number): Promise<void>, random(): number }} Wiring
 */

const BACKOFF_MS = { least: 1_000, most: 30_000 };
const WAIT_SECONDS = 25;
/** Sockets in a row without a message, after which something on the way is taken to block them. */
const BLOCKED = 2;
/** Time for a page to come, beyond its wait: one whose connection was lost may never come. */
const PAGE_MS = 30_000;
/** Polls before a socket is tried again. */
const POLLS = 12;
/** A ping finds out that a connection broke silently. The Inbox answers it without waking up. */
const PING_MS = 30_000;
const PONG_MS = 10_000;

/** Ends only when the log was rebuilt. @param {Wiring} wiring */
export async function follow(wiring) {
  const position = { after: wiring.after };
  for (let failures = 0, blocked = 0; ; ) {
    const ended = await overSocket(wiring, position);
    if (ended === "reset") return wiring.reset();
    wiring.state("reconnecting");
    blocked = ended === "heard" ? 0 : blocked + 1;
    failures = ended === "heard" ? 0 : failures + 1;
    if (blocked >= BLOCKED) {
      const polled = await overPolls(wiring, position);
      if (polled === "reset") return wiring.reset();
      if (polled === "worked") failures = 0;
      wiring.state("reconnecting");
    }
    await wiring.pause(backoff(failures, wiring.random()));
  }
}

/** Returns a delay, half of it random, so that viewers who lost a server together do not return together. */
export function backoff(/** @type {number} */ failures, /** @type {number} */ random) {
  const ms = Math.min(BACKOFF_MS.least * 2 ** failures, BACKOFF_MS.most);
  return ms * (0.5 + random / 2);
}

/**
 * @param {Wiring} wiring @param {{ after: number }} position
 * @returns {Promise<"heard" | "never heard" | "reset">} once the socket is closed or given up
 */
function overSocket(wiring, position) {
  return new Promise((resolve) => {
    const socket = socketOf(wiring, position);
    if (socket === null) return resolve("never heard");
    const over = new AbortController();
    const { signal } = over;
    let anything = false;
    let beat = setTimeout(() => end(), PONG_MS);
    /** @param {"reset"} [why] */
    const end = (why) => {
      clearTimeout(beat);
      over.abort();
      socket.close();
      resolve(why ?? (anything ? "heard" : "never heard"));
    };
    const heard = () => {
      clearTimeout(beat);
      beat = setTimeout(() => {
        beat = setTimeout(() => end(), PONG_MS);
        socket.send("ping");
      }, PING_MS);
    };
    const ask = (/** @type {string | null} */ receipt) => {
      if (receipt === null) end("reset");
      else if (!signal.aborted) socket.send(JSON.stringify({ more: position.after, receipt }));
    };
    // Messages are handled in turn: the next one must not overtake the pages that one reads.
    let work = Promise.resolve();
    const open = () => {
      wiring.state("live");
      heard();
    };
    /** @param {Event} event */
    const message = (event) => {
      anything = true;
      heard();
      const data = "data" in event ? String(event.data) : "pong";
      if (data !== "pong") work = work.then(() => answer(wiring, position, { data, signal })).then(ask, () => end());
    };
    socket.addEventListener("open", open, { signal });
    socket.addEventListener("message", message, { signal });
    socket.addEventListener("close", () => end(), { signal });
  });
}

/** Returns null where the browser makes none. @param {Wiring} wiring @param {{ after: number }} position */
function socketOf(wiring, { after }) {
  try {
    return wiring.socket(after);
  } catch {
    return null;
  }
}

/**
 * Handles a message. It stops after the page under way once the socket is closed: the next socket asks for the rest.
 *
 * @param {Wiring} wiring @param {{ after: number }} position @param {{ data: string, signal: AbortSignal }} message
 * @returns {Promise<string | null>} the receipt that acknowledges the message; null when the log was rebuilt
 */
async function answer(wiring, position, { data, signal }) {
  /** @type {(Batch | { behind: number } | { reset: number }) & { receipt: string }} */
  const said = JSON.parse(data);
  if ("reset" in said) return null;
  if ("events" in said) {
    take(wiring, position, said);
    if (said.repeated !== undefined) wiring.again(said.repeated);
    if (said.rejected !== undefined) wiring.rejected?.(said.rejected);
    wiring.state(said.end === true ? "live" : "catching up");
    return said.receipt;
  }
  wiring.state("catching up");
  while (position.after < said.behind) {
    const page = await pageOf(wiring, position, 0);
    if (page === null) return null;
    take(wiring, position, page);
    if (signal.aborted) return said.receipt;
    if (page.end === true) break;
  }
  wiring.state("live");
  return said.receipt;
}

/**
 * @param {Wiring} wiring @param {{ after: number }} position
 * @returns {Promise<"worked" | "failed" | "reset">}
 */
async function overPolls(wiring, position) {
  for (let polls = 0; polls < POLLS; polls++) {
    try {
      const page = await pageOf(wiring, position, WAIT_SECONDS);
      if (page === null) return "reset";
      take(wiring, position, page);
      wiring.state(page.end === true ? "live" : "catching up");
    } catch {
      return polls === 0 ? "failed" : "worked";
    }
  }
  return "worked";
}

/**
 * @param {Wiring} wiring @param {{ after: number }} position @param {number} wait
 * @returns {Promise<Batch | null>}
 */
function pageOf(wiring, { after }, wait) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no answer")), wait * 1000 + PAGE_MS);
    wiring
      .page(after, wait)
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
  });
}

/** @param {Wiring} wiring @param {{ after: number }} position @param {Batch} batch */
function take(wiring, position, { events, next, missing = [] }) {
  if (missing.length > 0) wiring.missing?.(missing);
  const fresh = events.filter(({ seq }) => seq > position.after);
  position.after = Math.max(position.after, next);
  if (fresh.length > 0) wiring.deliver(fresh);
}
