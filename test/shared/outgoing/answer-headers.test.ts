import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerHeaders } from "../../../shared/outgoing/answer-headers.ts";

describe("answerHeaders", () => {
  it.each<[name: string, given: Record<string, string>, kept: Record<string, string>]>([
    ["as they came", { server: "nginx", "X-Request-Id": "7" }, { server: "nginx", "x-request-id": "7" }],
    [
      "without secrets",
      { "set-cookie": "sid=1", "x-api-key": "k" },
      { "set-cookie": "(masked)", "x-api-key": "(masked)" },
    ],
    ["cut", { "x-long": "v".repeat(201) }, { "x-long": `${"v".repeat(200)}…` }],
    ["none", {}, {}],
  ])("are kept: %s", (_name, given, kept) => expect(answerHeaders(new Headers(given))).toEqual(kept));

  it("are few and short, whatever an endpoint answers", () => {
    const names = fc.stringMatching(/^[a-z][a-z0-9-]{0,199}$/);
    const values = fc.stringMatching(/^[!-~]{1,400}$/);
    fc.assert(
      fc.property(fc.dictionary(names, values, { maxKeys: 60 }), (given) => {
        const kept = Object.entries(answerHeaders(new Headers(given)));
        expect(kept.length).toBeLessThanOrEqual(20);
        for (const [name, value] of kept) expect([name.length <= 65, value.length <= 201]).toEqual([true, true]);
      }),
    );
  });
});
