import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { hmacScheme } from "../../../workers/receiver/verify/schemes/hmac.ts";
import { HMAC_ROWS } from "../../../workers/receiver/verify/schemes/providers.ts";
import type { HmacRow } from "../../../workers/receiver/verify/schemes/row.ts";
import { parseHmacRow } from "../../../workers/receiver/verify/schemes/row-config.ts";

/** Signature headers that hold pairs, as senders and proxies write them. */

const NOW = 1_795_743_000;
const BODY = '{"id":"wh_123"}';
const SECRET = "secret";

const WORKOS: HmacRow = {
  header: "workos-signature",
  format: "pairs",
  pair: "v1",
  timestampPair: "t",
  timestampUnit: "ms",
  signed: "{timestamp}.{body}",
  idField: "id",
};

const hmac = (text: string, digest = "sha256") => createHmac(digest, SECRET).update(text).digest("hex");

/** The pairs of a genuine request, as a row of the table or of a source names them. */
function pairsOf(row: HmacRow): string[] {
  const time = `${NOW}${row.timestampUnit === "ms" ? "000" : ""}`;
  const content = (row.signed ?? "{body}").replace("{timestamp}", time).replace("{body}", BODY);
  const pairs = [`${row.pair}=${hmac(content, row.digest)}`];
  return row.timestampPair === undefined ? pairs : [`${row.timestampPair}=${time}`, ...pairs];
}

async function verdictOn(row: HmacRow, ...values: string[]) {
  const headers = new Headers(values.map((value): [string, string] => [row.header ?? "", value]));
  return hmacScheme(row).verify(
    { method: "POST", url: "https://a.example/", headers, body: utf8(BODY) },
    [SECRET],
    NOW,
  );
}

const rows = Object.entries({ ...HMAC_ROWS, workos: WORKOS }).flatMap(
  ([name, { handshakes: _, answer: __, methods: ___, ...row }]: [string, (typeof HMAC_ROWS)[string]]): [
    string,
    HmacRow,
  ][] => (row.format === "pairs" ? [[name, row]] : []),
);

describe("a header of pairs", () => {
  it("is taken as WorkOS writes it", async () => {
    const [time, signature] = pairsOf(WORKOS);
    expect(await verdictOn(WORKOS, `${time}, ${signature}`)).toMatchObject({ ok: true, id: "wh_123", timestamp: NOW });
  });

  it.each(rows)("of %s is taken with any white space around its pairs", async (_name, row) => {
    const space = fc.stringMatching(/^[ \t]{0,3}$/);
    const mark = row.separator ?? ",";
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(space, space), { minLength: 2, maxLength: 2 }),
        fc.boolean(),
        async (spaces, turned) => {
          const pairs = turned ? pairsOf(row).toReversed() : pairsOf(row);
          const header = pairs
            .map((pair, index) => (spaces[index]?.[0] ?? "") + pair + (spaces[index]?.[1] ?? ""))
            .join(mark);
          expect(await verdictOn(row, header)).toMatchObject({ ok: true });
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each(rows)("of %s is refused when it came twice", async (_name, row) => {
    const genuine = pairsOf(row).join(row.separator ?? ",");
    const other = genuine.replace(/[0-9a-f]{2}$/, "00");
    for (const values of [
      [genuine, genuine],
      [genuine, other],
      [other, genuine],
    ]) {
      expect((await verdictOn(row, ...values)).ok).toBe(false);
    }
  });

  it("is refused when it came twice, and has no time that would tell", async () => {
    const row: HmacRow = { header: "x-sig", format: "pairs", pair: "s" };
    const [genuine = ""] = pairsOf(row);
    expect(await verdictOn(row, `${genuine},s=00`)).toMatchObject({ ok: true });
    expect(await verdictOn(row, `a=1, ${genuine}`)).toMatchObject({ ok: true });
    expect(await verdictOn(row, genuine, "s=00")).toEqual({ ok: false, reason: "signature_malformed" });
  });

  it("may have any text between its pairs, also one with white space", async () => {
    for (const separator of [", ", "; ", ";", " ", "|"]) {
      const row = { ...WORKOS, separator };
      expect(parseHmacRow(row)).toEqual({ ok: true, row });
      expect([separator, await verdictOn(row, pairsOf(row).join(separator))]).toMatchObject([separator, { ok: true }]);
    }
    expect(parseHmacRow({ ...WORKOS, separator: "" })).toMatchObject({ ok: false, key: "separator" });
  });
});
