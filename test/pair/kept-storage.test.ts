import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { type EndpointRow, getJson, postJson } from "./client.ts";
import { Listener } from "./listener.ts";
import { configuredRoot, freePorts, root, runWorker, temporaryFolder, variables } from "./workers.ts";

/**
 * Storage that version 0.1.0 wrote, opened by the code of today: nothing that was acknowledged is lost, and a
 * repetition is still known. `test/vectors/storage/README.md` says how it came about.
 */
type Event = { seq: number; id: string; type: string; data: unknown };
type Kept = {
  endpoints: EndpointRow[];
  secrets: { secret: string }[];
  published: { id: string; seq: number }[];
  keyed: object;
  later: object;
  senderEvents: Event[];
  records: { seq: number; source: string }[];
  otherEvents: object[];
  rejections: { reason: string }[];
  due: { seq: number; id: string }[];
  failing: string;
  ok: string;
  off: string;
};

const STORAGE = join(root, "test/vectors/storage");
const kept = JSON.parse(readFileSync(join(STORAGE, "expected.json"), "utf8")) as Kept;
/** Long enough that the kept events stay: they are dated 2026-11-27. */
const RETENTION = { sender: "3650", receiver: "3650" };
const SOURCES = `
[vars.SOURCES.open]
scheme = "none"
[vars.SOURCES.token]
scheme = "token"
secrets = ["TOKEN_SECRET"]
[vars.SOURCES.other]
scheme = "none"
log = "other"
`;

const folder = temporaryFolder();
let listener: Listener;
let sender: WorkerProcess;
let receiver: WorkerProcess;

beforeAll(async () => {
  const stateDir = join(folder.path, "state");
  cpSync(STORAGE, stateDir, { recursive: true });
  listener = await Listener.open();
  const [senderPort = 0, receiverPort = 0] = await freePorts(2);
  [receiver, sender] = await Promise.all([
    runWorker("receiver", {
      ...{ port: receiverPort, stateDir },
      root: configuredRoot(join(folder.path, "root"), { secrets: ["TOKEN_SECRET"], tables: SOURCES }),
      vars: { RETENTION_DAYS: RETENTION.receiver, TOKEN_SECRET: "a-token-of-the-kept-storage-1234" },
    }),
    runWorker("sender", {
      ...{ port: senderPort, stateDir },
      vars: { RETENTION_DAYS: RETENTION.sender, WEBHOOK_URL: listener.url },
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([sender.stop(), receiver.stop()]);
  await listener.close();
  folder.remove();
});

describe("the receiver", () => {
  test("shows every event of both logs, to the byte", async () => {
    const exported = await (await fetch(`${receiver.url}/events/export?format=ndjson`)).text();
    const lines = exported.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(kept.records);
    expect(await getJson(`${receiver.url}/events?log=other&after=0`)).toMatchObject({ events: kept.otherEvents });
  });

  test("finds an event of each place by its seq", async () => {
    for (const record of kept.records) {
      const found = await getJson(`${receiver.url}/events/${record.seq}`);
      // What that version did not keep is not known.
      expect(found).toEqual({ ...record, method: null, path: null, query: null });
    }
  });

  test("leaves out what was cleared", async () => {
    expect(await getJson(`${receiver.url}/events?source=token`)).toMatchObject({ events: [] });
  });

  test("still has the rejected requests", async () => {
    expect(kept.rejections).not.toEqual([]);
    expect(await getJson(`${receiver.url}/rejections`)).toMatchObject({ rejections: kept.rejections });
  });

  test("knows a repetition of an event that it logged then, and goes on with the next seq", async () => {
    const send = (id: string) => {
      const body = JSON.stringify({ type: "value.changed", data: {} });
      const now = new Date();
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": new Webhook(variables.WEBHOOK_SECRET).sign(id, now, body),
      };
      return fetch(`${receiver.url}/webhook?from=today`, { method: "POST", headers, body });
    };
    const again = await send(kept.published[0]?.id ?? "");
    expect([again.status, again.headers.get("webhook-duplicate")]).toEqual([200, "true"]);
    const fresh = await send("msg_new");
    expect([fresh.status, fresh.headers.get("webhook-duplicate")]).toEqual([200, null]);
    const last = kept.records.at(-1)?.seq ?? 0;
    const page = await getJson<{ events: { seq: number; id: string }[] }>(`${receiver.url}/events?after=${last}`);
    expect(page.events).toMatchObject([{ seq: last + 1, id: "msg_new" }]);
    const line = { method: "POST", path: "/webhook", query: "from=today" };
    expect(await getJson(`${receiver.url}/events/${last + 1}`)).toMatchObject({ ...line, id: "msg_new" });
    expect(await getJson(`${receiver.url}/events?q=from=today`)).toMatchObject({ events: [{ seq: last + 1 }] });
  });
});

describe("the sender", () => {
  test("shows its log and its endpoints", async () => {
    expect(await getJson(`${sender.url}/events?after=0&limit=100`)).toMatchObject({ events: kept.senderEvents });
    const { endpoints } = await getJson<{ endpoints: EndpointRow[] }>(`${sender.url}/endpoints`);
    expect(endpoints.map(({ id }) => id)).toEqual(kept.endpoints.map(({ id }) => id));
    expect(await getJson(`${sender.url}/endpoints/${kept.ok}/secret`)).toMatchObject({
      secrets: kept.secrets.map(({ secret }) => ({ secret })),
    });
  });

  test("gives the first answer to an id, an Idempotency-Key and a scheduled id of then", async () => {
    const post = async (event: object, headers: Record<string, string> = {}) => {
      const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
      const answer = await fetch(`${sender.url}/events`, { ...init, body: JSON.stringify(event) });
      return [answer.status, await answer.json()];
    };
    const order = kept.senderEvents.find(({ id }) => id === "order-5");
    expect(await post({ type: order?.type, data: order?.data, id: "order-5" })).toEqual([
      202,
      { id: "order-5", seq: 5 },
    ]);
    const keyed = { type: "order.paid", data: { keyed: true } };
    expect(await post(keyed, { "idempotency-key": "key-1" })).toEqual([202, kept.keyed]);
    const other = await post({ type: "order.paid", data: { other: true }, id: "order-5" });
    expect(other).toMatchObject([422, { code: "id_conflict" }]);
  });

  test("sends what waited: due retries, and the backlog of an endpoint that was disabled", async () => {
    for (const id of [kept.failing, kept.off]) {
      const change = { method: "PATCH", headers: { "content-type": "application/json" } };
      const body = JSON.stringify({ url: listener.url, enabled: true });
      expect((await fetch(`${sender.url}/endpoints/${id}`, { ...change, body })).status).toBe(200);
    }
    for (const { id } of kept.due) {
      await postJson(`${sender.url}/events/${id}/redeliver`, JSON.stringify({ endpointId: kept.failing }));
    }
    const dueIds = new Set(kept.due.map(({ id }) => id));
    // Once each for the endpoint that was disabled, and once more what the failing one still owed.
    for (const { id } of kept.senderEvents) await listener.requests(id, dueIds.has(id) ? 2 : 1);
    const bodyOf = (event: Event) => listener.received.find(({ id }) => id === event.id)?.body ?? "";
    for (const event of kept.senderEvents) expect(JSON.parse(bodyOf(event))).toMatchObject({ data: event.data });
  });
});
