import { logEvent } from "../../../shared/log-event.ts";
import type { CourierCalls, Destination, Ended, Ending } from "../protocol.ts";
import type { OpenDelivery } from "./queue.ts";

/** Sends deliveries out with couriers, and hears of the end of each: once, whatever becomes of the courier. */

/** Deliveries in one call: as many connections may wait for headers in one invocation. */
export const PARCELS = 6;
/** Time beside the attempt's own: the look-up before it takes up to 5 s. A courier that says nothing longer is lost. */
const SILENT_MS = 15_000;

/** A delivery whose attempt started `at` (unix ms) has ended. */
export type EndedAttempt = { open: OpenDelivery; at: number; ending: Ending };

type Listener = {
  /** Told of each delivery that was sent, once. */
  ended(attempts: EndedAttempt[]): void;
  /** Told of deliveries that could not be sent: the platform allows this invocation no more calls. */
  refused(deliveries: OpenDelivery[]): void;
};

export class Couriers {
  readonly #courier: () => CourierStub;
  readonly #silentMs: number;

  constructor(courier: () => CourierStub, silentMs = SILENT_MS) {
    this.#courier = courier;
    this.#silentMs = silentMs;
  }

  /** Sends at most PARCELS deliveries in one call; resolves when all of them have ended. Never rejects. */
  async send(deliveries: OpenDelivery[], destination: Destination, listener: Listener): Promise<void> {
    const at = Date.now();
    const underWay = new Map(deliveries.map((open) => [open.seq, open]));
    const end = (ended: Ended[]) => {
      // A courier that was given up may still report.
      const attempts = ended.flatMap(({ seq, ending }) => {
        const open = underWay.get(seq);
        underWay.delete(seq);
        return open === undefined ? [] : { open, at, ending };
      });
      if (attempts.length > 0) listener.ended(attempts);
    };
    const lose = (why: string) => {
      if (underWay.size === 0) return;
      logEvent("courier.lost", { deliveries: underWay.size, why });
      end([...underWay.keys()].map((seq) => ({ seq, ending: lostEnding(Date.now() - at) })));
    };
    const timer = setTimeout(() => lose("no report in time"), destination.timeoutMs + this.#silentMs);
    try {
      const parcels = deliveries.map(({ seq, id, body }) => ({ seq, id, body }));
      end(await this.#courier().post(destination, parcels, end));
      lose("no report at its end");
    } catch (error) {
      if (isRefusal(error)) listener.refused([...underWay.values()]);
      else lose(String(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

type CourierStub = Pick<Service<CourierCalls>, "post">;

/** True when the platform made no call: an invocation may make a limited number. */
function isRefusal(error: unknown): boolean {
  return /too many (subrequests|worker invocations)|subrequest (depth )?limit/i.test(String(error));
}

/** The attempt may have reached the server: it counts as failed, and the event is sent again. */
function lostEnding(ms: number): Ending {
  return { status: 0, code: "courier_lost", ms, retryAfter: null, response: null };
}
