import { toHex, utf8 } from "../../../../shared/bytes.ts";
import { sameText } from "../../../../shared/same-text.ts";
import { jsonField } from "../../event/json-field.ts";
import type { Handshake, HandshakeAnswer, SignedRequest } from "./scheme.ts";

/**
 * Handshakes of the providers, each with the page of its documentation. A text is echoed only if it looks like a
 * challenge.
 */

const MAX_CHALLENGE = 1024;

/** Slack, "url_verification event": the challenge of a signed request comes back as it is. */
export const slackChallenge = signedHandshake(({ body }) =>
  jsonField(body, "type") === "url_verification" ? echo(jsonField(body, "challenge")) : null,
);

/** Twitch, "Responding to a challenge request": a header announces the challenge, which stands in the signed body. */
export const twitchChallenge = signedHandshake(({ headers, body }) =>
  headers.get("twitch-eventsub-message-type") === "webhook_callback_verification"
    ? echo(jsonField(body, "challenge"))
    : null,
);

/**
 * Discord, "Webhook Events: acknowledging PING requests": type 0 wants 204. "Interactions: acknowledging PING
 * requests": type 1 wants type 1 back; the same type with an `event` is a webhook event.
 */
export const discordPing = signedHandshake(({ body }) => {
  const type = jsonField(body, "type");
  if (jsonField(body, "event") !== undefined) return null;
  if (type === 0) return { contentType: "application/json", body: null };
  return type === 1 ? { contentType: "application/json", body: '{"type":1}' } : null;
});

/** Zoom, "Validate your webhook endpoint": the token comes back beside its HMAC under the secret. */
export const zoomValidation: Handshake = {
  method: "POST",
  signed: true,
  secret: "source",
  async answer({ body }, secrets) {
    const token = jsonField(body, "payload.plainToken");
    const asked = jsonField(body, "event") === "endpoint.url_validation";
    if (!asked || !isChallenge(token)) return null;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", utf8(secrets[0] ?? ""), algorithm, false, ["sign"]);
    const encryptedToken = toHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(token))));
    return { contentType: "application/json", body: JSON.stringify({ plainToken: token, encryptedToken }) };
  },
};

/** Dropbox, "Webhooks", verification: an unsigned GET whose `challenge` comes back as text. */
export const dropboxChallenge: Handshake = {
  method: "GET",
  signed: false,
  secret: "none",
  answer: async ({ url }) => echo(new URL(url).searchParams.get("challenge")),
};

/** Meta, "Webhooks: getting started", verification requests: only who knows the verify token is answered. */
export const metaChallenge: Handshake = {
  method: "GET",
  signed: false,
  secret: "own",
  async answer({ url }, [verifyToken]) {
    const query = new URL(url).searchParams;
    const known = await isVerifyToken(query, verifyToken);
    return known && query.get("hub.mode") === "subscribe" ? echo(query.get("hub.challenge")) : null;
  },
  async fault({ url }, [verifyToken]) {
    const query = new URL(url).searchParams;
    if (query.get("hub.mode") !== "subscribe" || !query.has("hub.verify_token")) return "question_malformed";
    return (await isVerifyToken(query, verifyToken)) ? "question_malformed" : "question_token_mismatch";
  },
};

async function isVerifyToken(query: URLSearchParams, verifyToken: string | undefined): Promise<boolean> {
  return verifyToken !== undefined && sameText(query.get("hub.verify_token") ?? "", verifyToken);
}

function signedHandshake(answer: (request: SignedRequest) => HandshakeAnswer | null): Handshake {
  return { method: "POST", signed: true, secret: "none", answer: async (request) => answer(request) };
}

function echo(challenge: unknown): HandshakeAnswer | null {
  return isChallenge(challenge) ? { contentType: "text/plain", body: challenge } : null;
}

function isChallenge(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_CHALLENGE;
}
