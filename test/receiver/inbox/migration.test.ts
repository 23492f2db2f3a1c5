import { evictDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type EventRecord, fromLine } from "../../../workers/receiver/event/record.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { injectKv, refuse } from "../support/faulty-kv.ts";
import { call, get, inbox, inInbox, rowsWritten, send, tables, useEmptyStorage } from "../support/harness.ts";
import { checkInvariants, inKv } from "../support/invariants.ts";
import {
  awkwardText,
  flush,
  follow,
  type Logged,
  log,
  reader,
  segments,
  settle,
  tailRecords,
} from "../support/logged.ts";

useEmptyStorage();

/** The columns of a tail of schema 3, in their order. */
const COLUMNS_3 = `seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, type TEXT, bytes INTEGER NOT NULL,
  id TEXT, verification TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL`;
const NAMES_3 = "seq, at, source, type, bytes, id, verification, headers, body";

/** Makes the Inbox's tables those of schema 3, as version 0.1.0 wrote them, and evicts the object. */
async function becomeSchema3(...more: string[]): Promise<void> {
  await inInbox((_instance, { storage }) => {
    const run = (statement: string) => storage.sql.exec(statement).toArray();
    for (const { name } of run("SELECT name FROM sqlite_master WHERE name GLOB 'tail_*'")) {
      run(`CREATE TABLE before (${COLUMNS_3})`);
      run(`INSERT INTO before SELECT ${NAMES_3} FROM ${name}`);
      run(`DROP TABLE ${name}`);
      run(`ALTER TABLE before RENAME TO ${name}`);
    }
    becomeSchema(run, 3);
    for (const statement of more) run(statement);
  });
  await evictDurableObject(inbox());
}

/** Takes the columns of schema 5 away, and notes the number of one before. */
function becomeSchema(run: (statement: string) => unknown, schema: 3 | 4): void {
  for (const column of ["masking", "sieve"]) run(`ALTER TABLE seg DROP COLUMN ${column}`);
  run(`UPDATE meta SET value = json_set(value, '$.schema', ${schema}) WHERE key = 'identity'`);
}

const schemaOf = () =>
  inInbox((_instance, { storage }) => {
    const query = "SELECT value ->> 'schema' AS schema FROM meta WHERE key = 'identity'";
    return storage.sql.exec<{ schema: number }>(query).one().schema;
  });

const old = (body: string, more: Logged = {}): Logged => ({ ...UNKNOWN_LINE, ...more, body });

async function exported(): Promise<EventRecord[]> {
  const text = await (await call("/events/export")).text();
  return text.split("\n").slice(0, -1).map(fromLine);
}

describe("storage of schema 3", () => {
  it("opens with all its tails: what was logged is shown, and new events have their request lines", async () => {
    await log(old("in KV"));
    await settle();
    await log(old("put"), old("put, too", { headers: [["a", "b"]] }));
    await flush();
    injectKv({ get: refuse(), put: refuse() });
    await log(old("sealed"));
    await flush();
    await log(old("open"));
    const before = [await get<EventRecord>("/events/1"), ...(await tailRecords())];
    expect(before.map(({ body }) => body)).toEqual(["in KV", "put", "put, too", "sealed", "open"]);
    expect(await tables("tail")).toHaveLength(3);
    await becomeSchema3();

    expect(await exported()).toEqual(before);
    expect(await schemaOf()).toBe(5);
    // One row of `meta`, and one of SQLite's own for each column of each tail and of `seg`: no event is written again.
    expect(await rowsWritten()).toBe(1 + 3 * 3 + 2);
    for (const record of before) {
      expect(record).toMatchObject({ method: null, path: null, query: null });
      expect(await get(`/events/${record.seq}`)).toEqual(record);
    }
    await checkInvariants(await inKv());

    const line = { method: "POST", path: "/webhook/a", query: "x=1" };
    await log({ ...line, body: "new" });
    expect((await tailRecords()).at(-1)).toMatchObject({ ...line, seq: 6, body: "new" });
    vi.restoreAllMocks();
    await settle();
    await settle();
    expect(await tables("tail")).toEqual([7]);
    expect(await exported()).toMatchObject([...before, { ...line, seq: 6, body: "new" }]);
    await evictDurableObject(inbox());
    expect(await exported()).toHaveLength(6);
  });

  it("puts a segment again with the bytes that version 0.1.0 wrote", async () => {
    const puts: string[] = [];
    await log(old("1"), old("2"));
    injectKv({
      put: async (_next, _key, value) => {
        puts.push(value);
        throw new Error("the answer is lost");
      },
    });
    await flush();
    await becomeSchema3();
    await flush();
    expect(puts).toHaveLength(2);
    expect(puts[1]).toBe(puts[0]);
    expect(puts[0]).not.toMatch(/method|path|query/);
  });

  it("stays as it is when the migration does not end, and opens later", async () => {
    await log(old("1"));
    await becomeSchema3("CREATE TRIGGER refuse BEFORE INSERT ON meta BEGIN SELECT raise(ABORT, 'no'); END");
    expect((await send("a")).status).toBe(503);
    expect(await schemaOf()).toBe(3);
    await inInbox((_instance, { storage }) => {
      const [{ sql } = { sql: "" }] = storage.sql.exec("SELECT sql FROM sqlite_master WHERE name = 'tail_1'").toArray();
      expect(sql).not.toContain("method");
      storage.sql.exec("DROP TRIGGER refuse");
    });
    await evictDurableObject(inbox());
    expect((await send("a")).status).toBe(200);
    expect((await exported()).map(({ path }) => path)).toEqual([null, "/webhook"]);
  });

  it("keeps every event, wherever it was", async () => {
    const event = fc.record({ body: awkwardText, headers: fc.array(fc.tuple(awkwardText, awkwardText)) });
    const groups = fc.array(fc.array(event, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(groups, fc.boolean(), async (drawn, opens) => {
        const first = (await exported()).length;
        for (const [index, group] of drawn.entries()) {
          await log(...group.map(({ body, ...more }) => old(body, more)));
          if (index < drawn.length - 1 || !opens) await flush();
        }
        const before = await exported();
        await becomeSchema3();
        expect(await exported()).toEqual(before);
        await log({ query: "x" });
        await settle();
        expect(await exported()).toMatchObject([...before, { path: "/webhook", query: "x" }]);
        expect(before.slice(first).every(({ path }) => path === null)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});

describe("storage of schema 4", () => {
  it("opens with all its segments, which are searched as before, and new ones have sieves", async () => {
    await segments([{ body: "an old needle" }], [{ body: "old straw" }]);
    await inInbox((_instance, { storage }) => becomeSchema((statement) => storage.sql.exec(statement).toArray(), 4));
    await evictDurableObject(inbox());
    const before = reader();
    expect(await follow(before, { filter: { q: "old needle" } })).toMatchObject({ events: [{ seq: 1 }], pages: 1 });
    expect(before.gets).toHaveLength(2);
    expect(await schemaOf()).toBe(5);
    expect(await rowsWritten()).toBe(1 + 2);
    await segments([{ body: "new straw" }], [{ body: "a new needle" }]);
    const after = reader();
    expect(await follow(after, { filter: { q: "new needle" } })).toMatchObject({ events: [{ seq: 4 }] });
    // The old two say nothing of what they hold.
    expect(after.gets).toHaveLength(3);
    await checkInvariants(await inKv());
  });
});
