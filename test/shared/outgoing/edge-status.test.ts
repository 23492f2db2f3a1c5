import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attempt } from "../../../shared/outgoing/attempt.ts";
import { edgeCode } from "../../../shared/outgoing/edge-status.ts";

describe("edgeCode", () => {
  it.each([
    [520, "error code: 520", "invalid_response"],
    [521, "error code: 521", "connection_refused"],
    [522, "error code: 522", "connect_timeout"],
    [523, "error code: 523", "unreachable"],
    [524, "error code: 524", "timeout"],
    [525, "error code: 525", "tls_failed"],
    [526, "error code: 526", "certificate_invalid"],
    [530, "error code: 1016", "dns_failed"],
    [530, "error code: 1033", "unreachable"],
    [530, null, "unreachable"],
    [500, "error code: 521", null],
    [527, "", null],
    [200, "error code: 1016", null],
  ])("%i with %j is %s", (status, body, expected) => {
    expect(edgeCode(status, body)).toBe(expected);
  });

  it("is null for every status that servers send, whatever the body", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 519 }), fc.string(), (status, body) => {
        expect(edgeCode(status, body)).toBeNull();
      }),
    );
  });

  it("stands in the attempt beside the status", async () => {
    const request = { url: "https://example.com/", id: "msg_1", timestamp: 1, body: "{}", headers: {}, keys: [] };
    const fetch = async () => new Response("error code: 525", { status: 525 });
    expect(await attempt(request, { fetch, now: () => 0 })).toMatchObject({ status: 525, code: "tls_failed" });
  });
});
