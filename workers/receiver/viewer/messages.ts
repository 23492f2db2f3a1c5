import type { Message } from "../../../shared/pages/page.tsx";

/** What was done, after the redirect that follows it: a name and numbers stand in the URL, never a text. */
export function messageOf(parameters: URLSearchParams): Message | undefined {
  if (parameters.get("done") !== "cleared") return undefined;
  const [count, kept] = ["count", "kept"].map((name) => parameters.get(name) ?? "");
  if (!isNumber(count) || !isNumber(kept)) return undefined;
  const rest = kept === "0" ? "" : ` Still in KV, unseen, until their time is over: ${kept}.`;
  return { text: `Cleared: ${count} ${count === "1" ? "event" : "events"}.${rest}`, failed: false };
}

function isNumber(text: string | undefined): text is string {
  return /^\d{1,15}$/.test(text ?? "");
}
