/**
 * Makes a function whose calls run together, as one batch. A Durable Object that commits once for each request spends
 * most of its time waiting for the disk: one commit for all that arrived together raises the rate by half and more.
 *
 * `run` gets the items and returns one result for each, in their order; when it throws, all calls of the batch reject
 * with its error. `delayMs`: how long an item may wait for others. An item that can wait goes with the next one that
 * cannot.
 *
 * An item that cannot wait (0) runs before its call returns, when it is alone: no batch of this turn came before it, and
 * the last batch that was gathered had one item. Otherwise it goes with those that already wait to be handled.
 */
export function batched<Item, Result>(
  run: (items: Item[]) => Result[],
  delayMs: (item: Item) => number = () => 0,
): (item: Item) => Promise<Result> {
  type Call = { item: Item; resolve: (result: Result) => void; reject: (reason: unknown) => void };
  let waiting: Call[] = [];
  let timer: { delayMs: number; id: ReturnType<typeof setTimeout> } | null = null;
  /** True in the turn of a batch, and while the last one that was gathered found company: more calls are expected. */
  let company = false;

  function flush(): void {
    const calls = waiting;
    waiting = [];
    if (timer !== null) clearTimeout(timer.id);
    timer = null;
    try {
      const results = run(calls.map((call) => call.item));
      for (const [index, call] of calls.entries()) call.resolve(results[index] as Result);
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }

  /** Runs those that came in the turn; alone, none of the next turn is expected to have company either. */
  function gather(): void {
    timer = null;
    company = waiting.length > 1;
    if (waiting.length > 0) flush();
  }

  function runAtOnce(): void {
    company = true;
    flush();
    // Calls that `run` itself has made wait already, and may have begun to gather.
    startTimer(0);
  }

  function startTimer(wanted: number): void {
    if (timer !== null && timer.delayMs <= wanted) return;
    if (timer !== null) clearTimeout(timer.id);
    timer = { delayMs: wanted, id: setTimeout(gather, wanted) };
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      const wanted = delayMs(item);
      if (wanted === 0 && !company) runAtOnce();
      else startTimer(wanted);
    });
}
