import { afterAll, beforeAll, expect, test } from "vitest";
import type { WorkerProcess } from "../../workers/dev/worker-process.ts";
import { getJson, postJson } from "./client.ts";
import { Listener } from "./listener.ts";
import { until } from "./until.ts";
import { freePorts, runWorker, temporaryFolder } from "./workers.ts";

/** The sender with little storage: one endpoint takes everything, one nothing, and a third hears of it. */
const LIMIT_MB = 4;
const BATCH = 10;
const DATA = "x".repeat(8000);
/** Three times as much as there is room for. */
const BATCHES = (3 * LIMIT_MB * 1_000_000) / (BATCH * DATA.length);

type Row = { id: string; enabled: boolean; disabledReason: string | null; lag: number };
type Delivery = { state: string; seq: number; untilSeq?: number };

const folder = temporaryFolder();
let good: Listener;
let dead: Listener;
let sender: WorkerProcess;

beforeAll(async () => {
  [good, dead] = await Promise.all([Listener.open(), Listener.open()]);
  dead.answer = (response) => response.writeHead(500).end();
  const [port = 0] = await freePorts(1);
  sender = await runWorker("sender", {
    ...{ port, stateDir: folder.path },
    vars: { WEBHOOK_URL: good.url, STORAGE_LIMIT_MB: String(LIMIT_MB), LEASE_SECONDS: "5" },
  });
});

afterAll(async () => {
  await sender.stop();
  await Promise.all([good.close(), dead.close()]);
  folder.remove();
});

async function create(url: string, part: object): Promise<Row> {
  const response = await postJson(`${sender.url}/endpoints`, JSON.stringify({ url, ...part }));
  return (await response.json()) as Row;
}

/** Publishes a batch, again for as long as the log has no room; returns the ids and how often it was refused. */
async function publishBatch(number: number): Promise<{ ids: string[]; refused: number }> {
  const ids = Array.from({ length: BATCH }, (_, n) => `event-${number}-${n}`);
  const body = JSON.stringify(ids.map((id) => ({ id, type: "order.paid", data: DATA })));
  for (let refused = 0; ; refused++) {
    const response = await postJson(`${sender.url}/events`, body);
    const text = await response.text();
    if (response.status === 202) return { ids, refused };
    expect([response.status, JSON.parse(text).code]).toEqual([503, "storage_full"]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

test("publishing goes on, and only the endpoint that takes nothing loses anything", async () => {
  const stuck = await create(dead.url, { ordered: true });
  const told = await create(good.url, { types: ["webhook.*", "endpoint.*"] });
  const ids: string[] = [];
  for (let number = 0; number < BATCHES; number++) ids.push(...(await publishBatch(number)).ids);
  const received = () => new Set(good.received.map(({ id }) => id));
  await until("all at the endpoint that works", async () => ids.every((id) => received().has(id)) || null);
  const { endpoints } = await getJson<{ endpoints: Row[] }>(`${sender.url}/endpoints`);
  const stateOf = (id: string) => endpoints.find((row) => row.id === id);
  expect(stateOf(stuck.id)).toMatchObject({ enabled: false, disabledReason: "backlog" });
  for (const id of ["ep_default", told.id]) expect(stateOf(id)).toMatchObject({ enabled: true, lag: 0 });
  const { deliveries } = await getJson<{ deliveries: Delivery[] }>(`${sender.url}/endpoints/${stuck.id}/deliveries`);
  expect(deliveries[0]).toMatchObject({ state: "expired", seq: 2, untilSeq: expect.any(Number) });
  const types = good.received.map(({ body }) => JSON.parse(body).type).filter((type) => type !== "order.paid");
  expect(types).toEqual(expect.arrayContaining(["webhook.storage_low", "endpoint.disabled"]));
  // An id of the first events, which the log has no more, still gets its first answer.
  const again = await postJson(`${sender.url}/events`, JSON.stringify({ id: ids[0], type: "order.paid", data: DATA }));
  expect([again.status, await again.json()]).toEqual([202, { id: ids[0], seq: 1 }]);
});
