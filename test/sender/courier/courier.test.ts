import { exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Destination, Ended } from "../../../workers/sender/protocol.ts";
import { receiver, useReceiver } from "../support.ts";

/** The courier as an Endpoint calls it: over RPC, with a function that it reports to. */

useReceiver();

const destination: Destination = {
  url: "http://localhost:9000/in",
  headers: { "x-key": "k" },
  secrets: [{ key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expiresAt: null }],
  signing: ["v1"],
  ...{ timeoutMs: 20_000, payload: "standard", signatureHeaders: null },
};
const parcels = (count: number) => Array.from({ length: count }, (_, seq) => ({ seq, id: `msg_${seq}`, body: "{}" }));
const statuses = (ended: Ended[]) => ended.map(({ seq, ending }) => [seq, ending.code ?? ending.status]);

type Post = (to: Destination, list: ReturnType<typeof parcels>, report: (ended: Ended[]) => void) => Promise<Ended[]>;
const courier = () => (exports as unknown as { Courier: { post: Post } }).Courier;

describe("Courier.post", () => {
  it("posts one, and returns its end without a report", async () => {
    const reports: Ended[] = [];
    const ended = await courier().post(destination, parcels(1), (some) => void reports.push(...some));
    expect(statuses(ended)).toEqual([[0, 200]]);
    expect(reports).toEqual([]);
    expect(receiver.sent).toHaveLength(1);
    expect(receiver.sent[0]?.headers.get("webhook-signature")).toMatch(/^v1,/);
    expect(receiver.sent[0]?.headers.get("x-key")).toBe("k");
  });

  it("reports what has ended while one hangs, and returns the rest", async () => {
    let released = false;
    receiver.answer = async ({ id }) => {
      if (id !== "msg_3") return new Response("ok");
      while (!released) await scheduler.wait(5);
      return new Response("", { status: 500 });
    };
    const reports: Ended[] = [];
    const call = courier().post(destination, parcels(6), (some) => void reports.push(...some));
    await vi.waitUntil(() => reports.length === 5);
    expect(statuses(reports).toSorted()).toEqual([0, 1, 2, 4, 5].map((seq) => [seq, 200]));
    released = true;
    expect(statuses(await call)).toEqual([[3, 500]]);
    expect(reports).toHaveLength(5);
  });

  it("ends all that hang when the time of an attempt is over", async () => {
    receiver.answer = async ({ id, signal }) => {
      if (id === "msg_1") return new Response("ok");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw signal.reason;
    };
    const reports: Ended[] = [];
    const report = (some: Ended[]) => void reports.push(...some);
    const ended = await courier().post({ ...destination, timeoutMs: 100 }, parcels(3), report);
    expect(statuses([...reports, ...ended])).toEqual([
      [1, 200],
      [0, "timeout"],
      [2, "timeout"],
    ]);
  });

  it("ends each once, though its Endpoint hears no report", async () => {
    receiver.answer = async ({ id }) => {
      if (id === "msg_1") await scheduler.wait(50);
      return new Response("ok");
    };
    const ended = await courier().post(destination, parcels(2), () => {
      throw new Error("the object was reset");
    });
    expect(statuses(ended)).toEqual([[1, 200]]);
    expect(receiver.sent).toHaveLength(2);
  });

  it("sends nothing to an address that is forbidden", async () => {
    const ended = await courier().post({ ...destination, url: "http://10.0.0.1/" }, parcels(2), () => {});
    expect(statuses(ended)).toEqual([
      [0, "address_forbidden"],
      [1, "address_forbidden"],
    ]);
    expect(receiver.sent).toEqual([]);
  });
});
