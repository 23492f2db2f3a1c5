import type { HandshakeRow } from "./scheme.ts";

/** Handshakes of the providers as rows, each with the page of its documentation. None hands us a secret. */

/** Slack, "url_verification event": the challenge of a signed request comes back as it is. */
const slackChallenge: HandshakeRow = { when: { "field:type": "url_verification" }, answer: "{field:challenge}" };

/** Slack, "Slash commands: SSL check": a request that nobody signs asks if the certificate is good. */
const slackSslCheck: HandshakeRow = { signed: false, when: { "field:ssl_check": "1" } };

export const SLACK_HANDSHAKES = [slackChallenge, slackSslCheck];

/** Twitch, "Responding to a challenge request": a header announces the challenge, which stands in the signed body. */
export const TWITCH_HANDSHAKES: HandshakeRow[] = [
  {
    when: { "header:twitch-eventsub-message-type": "webhook_callback_verification" },
    answer: "{field:challenge}",
  },
];

/**
 * Discord, "Webhook Events: acknowledging PING requests": type 0 wants 204. "Interactions: acknowledging PING
 * requests": type 1 wants type 1 back; the same type with an `event` is a webhook event.
 */
export const DISCORD_HANDSHAKES: HandshakeRow[] = [
  { when: { "field:type": 0, "field:event": false }, status: 204, contentType: "application/json" },
  { when: { "field:type": 1, "field:event": false }, answer: '{"type":1}' },
];

/** Zoom, "Validate your webhook endpoint": the token comes back beside its HMAC under the secret. */
export const ZOOM_HANDSHAKES: HandshakeRow[] = [
  {
    when: { "field:event": "endpoint.url_validation" },
    answer: '{"plainToken":"{field:payload.plainToken}","encryptedToken":"{field:payload.plainToken|hmac}"}',
  },
];

/** Dropbox, "Webhooks", verification: an unsigned GET whose `challenge` comes back as text. */
export const DROPBOX_HANDSHAKES: HandshakeRow[] = [{ method: "GET", signed: false, answer: "{query:challenge}" }];

/** Meta, "Webhooks: getting started", verification requests: only who knows the verify token is answered. */
export const META_HANDSHAKES: HandshakeRow[] = [
  {
    method: "GET",
    signed: false,
    when: { "query:hub.mode": "subscribe" },
    verifyToken: "query:hub.verify_token",
    answer: "{query:hub.challenge}",
  },
];

/** Handshakes on sources whose provider is not in the table, unless the source has its own. */
export const COMMON_HANDSHAKES: HandshakeRow[] = [
  // Microsoft Graph, "Receive change notifications through webhooks: notificationUrl validation"
  { signed: false, when: { "query:validationToken": true, body: "" }, answer: "{query:validationToken}" },
  // WooCommerce, "Working with webhooks": a ping when the webhook is saved, before anything is signed
  { signed: false, when: { "field:webhook_id": true, "header:x-wc-webhook-topic": false } },
];
