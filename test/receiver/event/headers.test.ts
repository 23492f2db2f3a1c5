import { describe, expect, it } from "vitest";
import { maskedHeaders } from "../../../workers/receiver/event/headers.ts";

describe("maskedHeaders", () => {
  it("masks headers that authenticate someone, and those that the scheme calls secret", () => {
    const headers = new Headers({
      Authorization: "a",
      "Proxy-Authorization": "b",
      Cookie: "c",
      "X-Telegram-Bot-Api-Secret-Token": "d",
      "X-Goog-Channel-Token": "e",
      "X-Goog-Channel-Id": "f",
      "X-Whistle": "g",
    });
    expect(Object.fromEntries(maskedHeaders(headers, "", { secretHeaders: ["x-whistle"] }))).toEqual({
      authorization: "(masked)",
      cookie: "(masked)",
      "proxy-authorization": "(masked)",
      "x-goog-channel-id": "f",
      "x-goog-channel-token": "(masked)",
      "x-telegram-bot-api-secret-token": "(masked)",
      "x-whistle": "(masked)",
    });
  });

  it("masks the secrets of the query wherever a header repeats them", () => {
    const headers = { "x-original-url": "/webhook/a?id=7&token=s%20t", "x-decoded": "token=s t", "x-other": "7" };
    expect(Object.fromEntries(maskedHeaders(Object.entries(headers), "?id=7&token=s%20t"))).toEqual({
      "x-original-url": "/webhook/a?id=7&token=(masked)",
      "x-decoded": "token=(masked)",
      "x-other": "7",
    });
  });

  it("masks what is masked already to the same text", () => {
    const once = maskedHeaders(new Headers({ "x-shop-token": "a", accept: "b" }), "");
    expect(maskedHeaders(once, "")).toEqual(once);
  });
});
