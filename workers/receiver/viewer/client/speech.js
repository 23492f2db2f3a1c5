// @ts-check

/**
 * What a screen reader is told of a list that is live: how the connection is, once it has been so for a while, and
 * now and then how many events came. In a burst the page changes many times a second; told of each, nobody would
 * hear anything else. Nothing here touches the page.
 */

/** A state that is over sooner was none to speak of. */
const SETTLED_MS = 2_000;
/** How often new events are counted out, at most. */
const COUNT_MS = 10_000;

export class Speech {
  #say;
  /** That it is live is what everyone expects of it. */
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
