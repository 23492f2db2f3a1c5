// @ts-check

/**
 * Announcements of a live list for screen readers: the state of the connection once it has lasted a while, and the
 * number of new events now and then. In a burst the page changes many times a second, and to announce each change would
 * drown everything else. Nothing here touches the page.
 */

/** A state that ends sooner is not announced. */
const SETTLED_MS = 2_000;
/** Least time between two counts. */
const COUNT_MS = 10_000;

export class Speech {
  #say;
  /** The state announced last; everyone expects the page to be live. */
  #said = "live";
  #count = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #counting;

  /** @param {{ state(text: string): void, count(text: string): void }} say */
  constructor(say) {
    this.#say = say;
  }

  /** @param {string} state */
  state(state) {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      if (state === this.#said) return;
      this.#said = state;
      this.#say.state(state);
    }, SETTLED_MS);
  }

  /** @param {number} count */
  events(count) {
    this.#count += count;
    this.#counting ??= setTimeout(() => {
      this.#say.count(this.#count === 1 ? "1 new event" : `${this.#count} new events`);
      this.#count = 0;
      this.#counting = undefined;
    }, COUNT_MS);
  }
}
