import { describe, expect, it } from "vitest";
import type { AlertCondition } from "../../../shared/alerts/condition.ts";
import { messagesOf } from "../../../shared/alerts/message.ts";

/** The bodies that chats and servers get. */

const SINCE = Date.UTC(2026, 10, 27, 3);
const condition: AlertCondition = {
  ...{ rule: "failing", subject: "ep_1", text: "ep_1 (https://a.example/?a=1&b=<@here>) fails", since: SINCE },
  ...{ seenAt: SINCE, toldAt: null, endedAt: null, endText: "" },
};
const over = { ...condition, subject: "ep_2", toldAt: SINCE, endedAt: SINCE + 60_000, endText: "ep_2 delivers again" };
const dataOf = (format: "slack" | "discord" | "teams") => messagesOf(format, [condition, over])[0]?.data;

describe("messagesOf", () => {
  it("escapes what Slack would take for a command", () => {
    expect(dataOf("slack")).toEqual({
      text: "Alert: ep_1 (https://a.example/?a=1&amp;b=&lt;@here&gt;) fails\nOver: ep_2 delivers again",
    });
  });

  it("lets no text call anyone on Discord, and stays within its length", () => {
    expect(dataOf("discord")).toEqual({
      content: "Alert: ep_1 (https://a.example/?a=1&b=<@here>) fails\nOver: ep_2 delivers again",
      allowed_mentions: { parse: [] },
    });
    const long = { ...condition, text: "x".repeat(3000) };
    expect(messagesOf("discord", [long])[0]?.data).toMatchObject({ content: expect.stringMatching(/^.{2000}$/) });
  });

  it("has a line of a card for each on Teams", () => {
    expect(dataOf("teams")).toMatchObject({
      type: "message",
      attachments: [
        {
          contentType: "application/vnd.microsoft.card.adaptive",
          content: {
            type: "AdaptiveCard",
            body: [
              { type: "TextBlock", text: `Alert: ${condition.text}`, wrap: true },
              { type: "TextBlock", text: "Over: ep_2 delivers again", wrap: true },
            ],
          },
        },
      ],
    });
  });

  it("makes an event of each beginning and end for any server, with the same id when it is said again", () => {
    const messages = messagesOf("standard", [condition, over]);
    expect(messages).toEqual(
      messagesOf("standard", [{ ...condition, seenAt: 9 }, over]).map((message, index) => ({
        ...message,
        covers: messages[index]?.covers,
      })),
    );
    expect(messages.map(({ id, type, data }) => ({ id, type, data }))).toEqual([
      {
        id: `alert_failing_ep_1_${SINCE}`,
        type: "alert.began",
        data: {
          ...{ rule: "failing", subject: "ep_1", since: "2026-11-27T03:00:00.000Z", endedAt: null },
          text: condition.text,
        },
      },
      {
        id: `alert_failing_ep_2_${SINCE}_${SINCE + 60_000}`,
        type: "alert.ended",
        data: {
          ...{ rule: "failing", subject: "ep_2", since: "2026-11-27T03:00:00.000Z" },
          ...{ endedAt: "2026-11-27T03:01:00.000Z", text: "ep_2 delivers again" },
        },
      },
    ]);
  });

  it("has nothing to send for nothing", () => {
    expect([messagesOf("slack", []), messagesOf("standard", [])]).toEqual([[], []]);
  });
});
