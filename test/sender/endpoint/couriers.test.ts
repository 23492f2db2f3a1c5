import { describe, expect, it, vi } from "vitest";
import { Couriers, type EndedAttempt } from "../../../workers/sender/endpoint/couriers.ts";
import type { OpenDelivery } from "../../../workers/sender/endpoint/queue.ts";
import type { Destination, Ended, Parcel, Report } from "../../../workers/sender/protocol.ts";

/** A call of a courier ends each delivery once, whatever the courier does. */

const destination: Destination = {
  ...{ url: "https://hooks.example.com/in", headers: {}, secrets: [], signing: ["v1"] },
  ...{ timeoutMs: 0, payload: "standard", signatureHeaders: null },
};
const seqs = (list: { seq: number }[]) => list.map(({ seq }) => seq);
const ok = (seq: number): Ended => ({
  seq,
  ending: { status: 200, code: null, ms: 1, retryAfter: null, response: null },
});

function open(seq: number): OpenDelivery {
  return { seq, id: `msg_${seq}`, type: "a.b", body: "{}", attempts: [], mark: null, skip: 0, isNew: true };
}

/** Sends three deliveries with a courier that does `post`; returns what was heard, in order. */
async function send(post: (parcels: Parcel[], report: Report) => Promise<Ended[]>, lostMs?: number) {
  const heard: EndedAttempt[] = [];
  const refused: OpenDelivery[] = [];
  const courier = { post: (_to: unknown, parcels: Parcel[], report: Report) => post(parcels, report) };
  const couriers = new Couriers(() => courier as never, lostMs);
  await couriers.send([1, 2, 3].map(open), destination, {
    ended: (attempts) => heard.push(...attempts),
    refused: (deliveries) => refused.push(...deliveries),
  });
  return { heard, refused, codes: heard.map(({ open: { seq }, ending }) => [seq, ending.code ?? ending.status]) };
}

describe("Couriers.send", () => {
  it("hears of each delivery as it ends", async () => {
    let reported = 0;
    const { codes } = await send(async (parcels, report) => {
      expect(seqs(parcels)).toEqual([1, 2, 3]);
      report([ok(2)]);
      reported++;
      return [ok(1), ok(3)];
    });
    expect(reported).toBe(1);
    expect(codes).toEqual([
      [2, 200],
      [1, 200],
      [3, 200],
    ]);
  });

  it("counts a delivery that is reported twice once", async () => {
    const { codes } = await send(async (_parcels, report) => {
      report([ok(1), ok(1)]);
      return [ok(1), ok(2), ok(3), ok(99)];
    });
    expect(codes).toEqual([
      [1, 200],
      [2, 200],
      [3, 200],
    ]);
  });

  it.each([
    ["throws", () => Promise.reject(new Error("the isolate was reset"))],
    ["ends without a word", () => Promise.resolve([])],
  ])("takes what is not reported for failed when the courier %s", async (_name, end) => {
    const { codes, refused } = await send((_parcels, report) => {
      report([ok(2)]);
      return end();
    });
    expect(codes).toEqual([
      [2, 200],
      [1, "courier_lost"],
      [3, "courier_lost"],
    ]);
    expect(refused).toEqual([]);
  });

  it("gives a courier up that hangs, and counts nothing that it says later", async () => {
    let late: () => void = () => {};
    const heard: [number, string | number][] = [];
    const courier = {
      post: (_to: unknown, _parcels: Parcel[], report: Report) =>
        new Promise<Ended[]>((resolve) => {
          late = () => {
            report([ok(1)]);
            resolve([ok(2), ok(3)]);
          };
        }),
    };
    const sent = new Couriers(() => courier as never, 20).send([1, 2, 3].map(open), destination, {
      ended: (attempts) =>
        heard.push(...attempts.map(({ open: { seq }, ending }) => [seq, ending.code ?? ending.status] as never)),
      refused: () => expect.unreachable(),
    });
    await vi.waitUntil(() => heard.length === 3);
    late();
    await sent;
    expect(heard).toEqual([
      [1, "courier_lost"],
      [2, "courier_lost"],
      [3, "courier_lost"],
    ]);
  });

  it.each([
    "Too many subrequests.",
    "Too many Worker invocations by single request.",
    "Subrequest depth limit exceeded.",
  ])("gives deliveries back when the platform refuses the call: %s", async (message) => {
    const { heard, refused } = await send(() => Promise.reject(new Error(message)));
    expect(heard).toEqual([]);
    expect(seqs(refused)).toEqual([1, 2, 3]);
  });
});
