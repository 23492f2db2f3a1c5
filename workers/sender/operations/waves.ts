/** Many objects asked by one request. */

/** Endpoints that one page asks, once each: a request may ask 1,000 objects. */
export const MAX_QUESTIONED = 800;
/** All at once would stand in each other's way. */
const AT_ONCE = 50;

/** Asks for each item, a few at a time; returns the answers in their order. */
export async function inWaves<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) {
    answers.push(...(await Promise.all(items.slice(first, first + AT_ONCE).map(ask))));
  }
  return answers;
}
