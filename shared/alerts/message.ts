import { type AlertCondition, isOver } from "./condition.ts";

/** The bodies of alerts, as each kind of service takes them. Pure. */

export const ALERT_FORMATS = ["slack", "discord", "teams", "standard"] as const;
export type AlertFormat = (typeof ALERT_FORMATS)[number];

/**
 * One POST. `id`: the same whenever the same is said again, so that a receiver takes it once. `data`: JSON. `covers`:
 * the conditions that are told by it.
 */
export type AlertMessage = { id: string; type: string; data: object; covers: readonly AlertCondition[] };

/** Conditions in one message of a chat: more than a person reads at once. */
const MAX_TOLD = 20;
/** Signed events in one turn: as many connections as one invocation has. */
const MAX_POSTS = 6;
/** Discord's limit is 2000 characters: "Create Message" of its developer documentation. */
const MAX_DISCORD = 2000;

/** Texts in the form of a chat. */
const CHATS: Record<Exclude<AlertFormat, "standard">, (lines: readonly string[]) => object> = {
  // Slack's "Escaping text": these three characters alone.
  slack: (lines) => ({
    text: lines.join("\n").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  }),
  // No text of an endpoint may call everyone.
  discord: (lines) => ({ content: lines.join("\n").slice(0, MAX_DISCORD), allowed_mentions: { parse: [] } }),
  // Workflows of Teams take an Adaptive Card.
  teams: (lines) => ({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.2",
          body: lines.map((text) => ({ type: "TextBlock", text, wrap: true })),
        },
      },
    ],
  }),
};

/** Returns the next messages for conditions that are to be told; the others wait for the next turn. */
export function messagesOf(format: AlertFormat, waiting: readonly AlertCondition[]): AlertMessage[] {
  if (format === "standard") {
    return waiting.slice(0, MAX_POSTS).map((condition) => ({
      id: alertId(condition),
      type: isOver(condition) ? "alert.ended" : "alert.began",
      data: presentCondition(condition),
      covers: [condition],
    }));
  }
  const covers = waiting.slice(0, MAX_TOLD);
  const [first] = covers;
  if (first === undefined) return [];
  return [{ id: alertId(first), type: "alert", data: CHATS[format](covers.map(chatLine)), covers }];
}

/** Returns a message that asks for nothing but to be seen. */
export function testMessage(format: AlertFormat, worker: string, id: string): AlertMessage {
  const text = `This is a test of the alerts of the ${worker}.`;
  return { id, type: "alert.test", data: format === "standard" ? { text } : CHATS[format]([text]), covers: [] };
}

/** A condition as the API and a signed event have it. */
export function presentCondition(condition: AlertCondition) {
  const { rule, subject, since, endedAt, text, endText } = condition;
  return {
    ...{ rule, subject, since: new Date(since).toISOString() },
    endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
    text: endedAt === null ? text : endText,
  };
}

function chatLine(condition: AlertCondition): string {
  return isOver(condition) ? `Over: ${condition.endText}` : `Alert: ${condition.text}`;
}

function alertId({ rule, subject, since, endedAt }: AlertCondition): string {
  return ["alert", rule, subject, since, endedAt].filter((part) => part !== null).join("_");
}
