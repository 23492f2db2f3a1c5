import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { bindings, fetchSender, outbox, publish, receiver, useReceiver } from "../support.ts";

/** Secrets and masked headers of endpoints, as callers change them at the same time and send back what they were shown. */

useReceiver();

const URL_A = "http://localhost:7001/a";
/** The specification's key as its seed alone, and its public key. */
const SEED = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
const PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

type Secrets = { secret: string; publicKey: string | null; secrets: { secret: string; version: string }[] };
type Row = Secrets & { id: string; code: string; detail: string; headers: Record<string, string> };

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Row }> {
  const response = await fetchSender(`http://localhost:5000${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return { status: response.status, body: await response.json<Row>() };
}

async function create(part: object = {}): Promise<Row> {
  const { status, body } = await call("POST", "/endpoints", { url: URL_A, ...part });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
}

const secretsOf = async (id: string) => (await call("GET", `/endpoints/${id}/secret`)).body;
const keysOf = ({ secrets }: Secrets) => secrets.map(({ secret }) => secret);

describe("changes of secrets at once", () => {
  it.each([
    ["rotate first", true],
    ["signing first", false],
  ])("lose no secret that was answered: %s", async (_name, rotateFirst) => {
    for (let round = 0; round < 5; round++) {
      const { id, secret } = await create();
      const rotate = () => call("POST", `/endpoints/${id}/rotate`, {});
      const sign = () => call("PATCH", `/endpoints/${id}`, { signing: ["v1", "v1a"] });
      const [rotated] = await Promise.all(rotateFirst ? [rotate(), sign()] : [sign(), rotate()].toReversed());
      const after = await secretsOf(id);
      expect(keysOf(after)).toEqual(expect.arrayContaining([secret, ...keysOf(rotated?.body ?? after)]));
      expect(new Set(after.secrets.map(({ version }) => version))).toEqual(new Set(["v1", "v1a"]));
    }
  });

  it("lose none of ten rotations at once", async () => {
    const { id, secret } = await create();
    const rotations = await Promise.all(Array.from({ length: 9 }, () => call("POST", `/endpoints/${id}/rotate`, {})));
    expect(rotations.map(({ status }) => status)).toEqual(Array(9).fill(200));
    const answered = rotations.map(({ body }) => body.secret);
    expect(keysOf(await secretsOf(id)).toSorted()).toEqual([secret, ...answered].toSorted());
  });
});

describe("POST /endpoints/:id/rotate", () => {
  it("refuses more secrets than may sign, drops none, and replaces the present one at once even then", async () => {
    const { id, secret } = await create();
    for (let n = 0; n < 9; n++) expect((await call("POST", `/endpoints/${id}/rotate`, {})).status).toBe(200);
    const before = keysOf(await secretsOf(id));
    expect(before).toContain(secret);
    const refused = await call("POST", `/endpoints/${id}/rotate`, {});
    expect(refused).toMatchObject({ status: 409, body: { code: "too_many_secrets" } });
    expect(refused.body.detail).toMatch(/the first ends at 20\d\d-/);
    expect(keysOf(await secretsOf(id))).toEqual(before);
    const replaced = await call("POST", `/endpoints/${id}/rotate`, { expiresInSeconds: 0 });
    expect(replaced.status).toBe(200);
    expect(keysOf(replaced.body)).toEqual([replaced.body.secret, ...before.slice(1)]);
  });
});

describe("a private key as its seed alone", () => {
  it("is taken, signs, and is shown with its public key", async () => {
    const created = await create({ secret: SEED });
    expect(created).toMatchObject({ signing: ["v1a"], publicKey: PUBLIC });
    await publish({});
    await expect
      .poll(() => receiver.sent.find(({ url }) => url === URL_A)?.headers.get("webhook-signature"))
      .toMatch(/^v1a,/);
  });
});

describe("a secret added to ep_default", () => {
  it("stays when the Outbox starts again with WEBHOOK_SECRET", async () => {
    await call("PATCH", "/endpoints/ep_default", { signing: ["v1", "v1a"] });
    const before = await secretsOf("ep_default");
    expect(before.publicKey).toMatch(/^whpk_/);
    await evictDurableObject(outbox());
    expect(await secretsOf("ep_default")).toEqual(before);
    expect(keysOf(before)[0]).toBe(bindings.WEBHOOK_SECRET);
  });
});

describe("(masked) in headers", () => {
  const config = async (id: string) => (await outbox().endpoint(id))?.row.config.headers;

  it("keeps the value that is there, under any spelling of its name", async () => {
    const { id, headers } = await create({ headers: { "X-Key": "credential", "x-other": "o" } });
    expect(headers).toEqual({ "X-Key": "(masked)", "x-other": "(masked)" });
    await call("PATCH", `/endpoints/${id}`, { headers });
    expect(await config(id)).toEqual({ "X-Key": "credential", "x-other": "o" });
    await call("PATCH", `/endpoints/${id}`, { headers: { "x-key": "(masked)", "x-new": "n" } });
    expect(await config(id)).toEqual({ "x-key": "credential", "x-new": "n" });
    await call("PATCH", `/endpoints/${id}`, { headers: {} });
    expect(await config(id)).toEqual({});
  });

  it("is refused where there is nothing to keep, and changes nothing", async () => {
    const { id } = await create({ headers: { "x-key": "credential" } });
    const refused = { status: 422, body: { code: "invalid_endpoint", detail: expect.stringContaining("x-gone") } };
    const headers = { "x-key": "new", "x-gone": "(masked)" };
    expect(await call("PATCH", `/endpoints/${id}`, { headers })).toMatchObject(refused);
    expect(await config(id)).toEqual({ "x-key": "credential" });
    expect(await call("POST", "/endpoints", { url: URL_A, headers })).toMatchObject(refused);
  });
});
