import { describe, expect, it } from "vitest";
import { maskedHeaders } from "../../../workers/receiver/event/headers.ts";

describe("maskedHeaders", () => {
  it("masks headers that authenticate someone, and those that the scheme calls secret", () => {
    const headers = new Headers({
      Authorization: "a",
      "Proxy-Authorization": "b",
      Cookie: "c",
      "X-Api-Key": "d",
      Accept: "e",
    });
    expect(Object.fromEntries(maskedHeaders(headers, ["x-api-key"]))).toEqual({
      accept: "e",
      authorization: "(masked)",
      cookie: "(masked)",
      "proxy-authorization": "(masked)",
      "x-api-key": "(masked)",
    });
  });
});
