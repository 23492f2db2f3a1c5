import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { sign } from "../../../shared/signing/signature.ts";
import { standard } from "../../../workers/receiver/verify/schemes/standard.ts";

const SECRET = `whsec_${toBase64(new Uint8Array(32).fill(5))}`;
const NOW = 1_700_000_000;
const BODY = utf8('{"a":1}');

function request(headers: [string, string][], body = BODY) {
  return { method: "POST", url: "http://localhost/webhook", headers: new Headers(headers), body };
}

/** Returns the verdict on a genuine request with one thing changed after it was signed, or signed like that. */
async function genuine({ id = "msg_1", timestamp = NOW, body = BODY } = {}): Promise<[string, string][]> {
  const signature = await sign({ id, timestamp, body }, parseSecrets("test", SECRET));
  return [
    ["webhook-id", id],
    ["webhook-timestamp", String(timestamp)],
    ["webhook-signature", signature],
  ];
}

describe("standard", () => {
  it("gives the id and the time that were signed", async () => {
    expect(await standard.verify(request(await genuine()), [SECRET], NOW)).toEqual({
      ok: true,
      id: "msg_1",
      timestamp: NOW,
    });
  });

  const renamed = async (from: number, to = 3) =>
    (await genuine()).map(([name, value], index): [string, string] => [
      index >= from && index < to ? name.replace("webhook-", "svix-") : name,
      value,
    ]);

  it("reads the names of Svix where its own are absent", async () => {
    const at = NOW + 300;
    expect(await standard.verify(request(await renamed(0)), [SECRET], at)).toEqual({
      ok: true,
      id: "msg_1",
      timestamp: NOW,
    });
    expect(standard.timestampOf?.(request(await renamed(0)))).toBe(NOW);
    const late = await standard.verify(request(await renamed(0)), [SECRET], at + 1);
    expect(late).toEqual({ ok: false, reason: "timestamp_too_old" });
  });

  it.each([
    ["id", 0, "id_missing"],
    ["time", 1, "timestamp_missing"],
    ["signature", 2, "signature_missing"],
  ])("takes no %s under the name of Svix beside its own names", async (_name, index, reason) => {
    const mixed = await standard.verify(request(await renamed(index, index + 1)), [SECRET], NOW);
    expect(mixed).toEqual({ ok: false, reason });
  });

  it("prefers its own names where both are there", async () => {
    const both = [...(await genuine()), ["svix-id", "other"], ["svix-signature", "v1,AAAA"]] as [string, string][];
    expect(await standard.verify(request(both), [SECRET], NOW)).toMatchObject({ ok: true, id: "msg_1" });
  });

  it("takes a secret that was pasted with its version", async () => {
    for (const secret of [`v1,${SECRET}`, SECRET, SECRET.slice(6)]) {
      expect(await standard.verify(request(await genuine()), [secret], NOW)).toMatchObject({ ok: true });
    }
  });

  const changed: [name: string, header: string, value: string | null, reason: string][] = [
    ["no id", "webhook-id", null, "id_missing"],
    ["an empty id", "webhook-id", "", "id_missing"],
    ["an id with a dot", "webhook-id", "msg.1", "id_malformed"],
    ["an id that is not ASCII", "webhook-id", "msg_é", "id_malformed"],
    ["an id with a control character", "webhook-id", "msg_\u007f1", "id_malformed"],
    ["an id of 257 characters", "webhook-id", "x".repeat(257), "id_malformed"],
    ["two ids", "webhook-id", "msg_1, msg_1", "id_malformed"],
    ["another id", "webhook-id", "msg_2", "signature_mismatch"],
    ["no time", "webhook-timestamp", null, "timestamp_missing"],
    ["an empty time", "webhook-timestamp", "", "timestamp_missing"],
    ["a fraction", "webhook-timestamp", `${NOW}.0`, "timestamp_malformed"],
    ["an exponent", "webhook-timestamp", "17e8", "timestamp_malformed"],
    ["hex", "webhook-timestamp", "0x6553f100", "timestamp_malformed"],
    ["a leading zero", "webhook-timestamp", `0${NOW}`, "timestamp_malformed"],
    ["something after", "webhook-timestamp", `${NOW}abc`, "timestamp_malformed"],
    ["two times", "webhook-timestamp", `${NOW}, ${NOW}`, "timestamp_malformed"],
    ["milliseconds", "webhook-timestamp", `${NOW}000`, "timestamp_too_new"],
    ["another time", "webhook-timestamp", String(NOW + 1), "signature_mismatch"],
    ["no signature", "webhook-signature", null, "signature_missing"],
    ["an empty signature", "webhook-signature", "", "signature_missing"],
    ["no version", "webhook-signature", toBase64(new Uint8Array(32)), "signature_mismatch"],
  ];
  it.each(changed)("rejects %s", async (_name, header, value, reason) => {
    const others = (await genuine()).filter(([name]) => name !== header);
    const headers: [string, string][] = value === null ? others : [...others, [header, value]];
    expect(await standard.verify(request(headers), [SECRET], NOW)).toEqual({ ok: false, reason });
  });

  const ages: [age: number, verdict: object][] = [
    [301, { ok: false, reason: "timestamp_too_old" }],
    [300, { ok: true }],
    [-300, { ok: true }],
    [-301, { ok: false, reason: "timestamp_too_new" }],
  ];
  it.each(ages)("a request signed %i s ago", async (age, verdict) => {
    const headers = await genuine({ timestamp: NOW - age });
    expect(await standard.verify(request(headers), [SECRET], NOW)).toMatchObject(verdict);
  });

  it.each(["x", "x".repeat(256), "a b/c:d;e,f", "~!"])("takes the id %j", async (id) => {
    expect(await standard.verify(request(await genuine({ id })), [SECRET], NOW)).toMatchObject({ ok: true, id });
  });

  it.each([
    [[]],
    [[""]],
    [["whsec_"]],
    [["whsec_short"]],
    [["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"]],
    [[SECRET, "?"]],
  ])("is a configuration error with the secrets %j, whatever arrives", async (secrets: string[]) => {
    await expect(standard.verify(request(await genuine()), secrets, NOW)).rejects.toMatchObject({
      name: "ConfigError",
    });
    await expect(standard.verify(request([]), secrets, NOW)).rejects.toMatchObject({ name: "ConfigError" });
  });

  it("never throws or accepts what nobody signed", async () => {
    // Characters that a header can carry at all; others never reach a Worker.
    const value = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    const entry = fc.oneof(
      value,
      fc.uint8Array().map((bytes) => `v1,${toBase64(bytes)}`),
    );
    const property = fc.asyncProperty(value, value, fc.array(entry), fc.uint8Array(), async (id, time, list, bytes) => {
      const headers: [string, string][] = [
        ["webhook-id", id],
        ["webhook-timestamp", time || String(NOW)],
        ["webhook-signature", list.join(" ")],
      ];
      const verdict = await standard.verify(request(headers, new Uint8Array(bytes)), [SECRET], NOW);
      expect(verdict.ok).toBe(false);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("covers every byte of the body", async () => {
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1 }), fc.nat(), async (bytes, at) => {
      const body = new Uint8Array(bytes);
      const headers = await genuine({ body });
      expect((await standard.verify(request(headers, body), [SECRET], NOW)).ok).toBe(true);
      const other = body.with(at % body.length, (body[at % body.length] as number) ^ 1);
      expect((await standard.verify(request(headers, other), [SECRET], NOW)).ok).toBe(false);
    });
    await fc.assert(property, { numRuns: 50 });
  });
});
