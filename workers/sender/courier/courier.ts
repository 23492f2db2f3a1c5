import { WorkerEntrypoint } from "cloudflare:workers";
import { deadlineAfter } from "../../../shared/outgoing/attempt.ts";
import { type Config, configOf, type Vars } from "../config.ts";
import type { Destination, Ended, Parcel, Report } from "../protocol.ts";
import { Poster } from "./poster.ts";

/**
 * Posts for the Endpoints. Each call is an invocation of its own, with connections, subrequests and CPU time of its own,
 * so an Endpoint has as many attempts under way as its server takes. A courier holds no state and decides nothing: the
 * Endpoint says what to post, and records what came of it.
 */

/** Attempts that end within this time of each other are reported together: a report is a call into the Endpoint. */
const GATHER_MS = 2;

export class Courier extends WorkerEntrypoint<Vars> {
  /**
   * Posts all parcels at once. The endings that come while others are under way go to `report`; the last ones are
   * returned. Each parcel ends exactly once. Never throws on its own account: a failed attempt is an ending.
   */
  async post(destination: Destination, parcels: Parcel[], report: Report): Promise<Ended[]> {
    const post = await posterOf(this.env).to(destination);
    const deadline = deadlineAfter(destination.timeoutMs);
    const ended: Ended[] = [];
    const reports: Promise<void>[] = [];
    let underWay = parcels.length;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const tell = () => {
      timer = null;
      // An Endpoint that is gone hears nothing, and sends the event again once it is back.
      reports.push(Promise.resolve(report(ended.splice(0))).catch(() => {}));
    };
    await Promise.all(
      parcels.map(async (parcel) => {
        ended.push({ seq: parcel.seq, ending: await post(parcel, deadline.signal) });
        underWay--;
        if (underWay > 0) timer ??= setTimeout(tell, GATHER_MS);
      }),
    );
    deadline.clear();
    if (timer !== null) clearTimeout(timer);
    await Promise.all(reports);
    return ended;
  }
}

const posters = new WeakMap<Config, Poster>();

/** Returns the poster of an isolate, which keeps keys and DNS answers from one call to the next. */
function posterOf(env: Vars): Poster {
  const config = configOf(env);
  const known = posters.get(config);
  if (known !== undefined) return known;
  const poster = new Poster(config, { fetch: (input, init) => fetch(input, init), now: () => Date.now() });
  posters.set(config, poster);
  return poster;
}
