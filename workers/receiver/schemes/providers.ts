import {
  discordPing,
  dropboxChallenge,
  metaChallenge,
  slackChallenge,
  twitchChallenge,
  zoomValidation,
} from "./handshakes.ts";
import { hmacScheme } from "./hmac.ts";
import type { HmacRow } from "./hmac-row.ts";
import { type PublicKeyRow, publicKeyScheme } from "./public-key.ts";
import type { Handshake, Scheme } from "./scheme.ts";

/** How each provider signs; the comment names the page of its documentation. Adding a provider is adding a row. */
const HMAC_ROWS: Record<string, HmacRow & { handshake?: Handshake }> = {
  // GitHub Docs, "Validating webhook deliveries", "Webhook events and payloads: delivery headers"
  github: {
    header: "x-hub-signature-256",
    prefix: "sha256=",
    idHeader: "x-github-delivery",
    typeHeader: "x-github-event",
  },
  // Stripe, "Receive events in your webhook endpoint: verify webhook signatures manually"
  stripe: {
    header: "stripe-signature",
    format: "pairs",
    pair: "v1",
    timestampPair: "t",
    signed: "{timestamp}.{body}",
    idField: "id",
  },
  // Slack, "Verifying requests from Slack"
  slack: {
    header: "x-slack-signature",
    prefix: "v0=",
    signed: "v0:{timestamp}:{body}",
    timestampHeader: "x-slack-request-timestamp",
    idField: "event_id",
    handshake: slackChallenge,
  },
  // Shopify, "Deliver webhooks through HTTPS", "Webhook headers"
  shopify: {
    header: "x-shopify-hmac-sha256",
    encoding: "base64",
    idHeader: "x-shopify-webhook-id",
    typeHeader: "x-shopify-topic",
  },
  // Zoom, "Using webhooks: verify webhook events"
  zoom: {
    header: "x-zm-signature",
    prefix: "v0=",
    signed: "v0:{timestamp}:{body}",
    timestampHeader: "x-zm-request-timestamp",
    handshake: zoomValidation,
  },
  // Meta, "Webhooks: getting started", "Validate payloads"
  meta: { header: "x-hub-signature-256", prefix: "sha256=", handshake: metaChallenge },
  // Bitbucket Cloud, "Manage webhooks: secure webhooks", "Event payloads: HTTP headers"
  bitbucket: { header: "x-hub-signature", prefix: "sha256=", idHeader: "x-request-uuid", typeHeader: "x-event-key" },
  // Jira Cloud platform, "Webhooks: secure admin webhooks"
  jira: { header: "x-hub-signature", prefix: "sha256=", idHeader: "x-atlassian-webhook-identifier" },
  // Linear, "Webhooks: securing webhooks"
  linear: {
    header: "linear-signature",
    timestampField: "webhookTimestamp",
    timestampUnit: "ms",
    windowSeconds: 60,
    idHeader: "linear-delivery",
    typeHeader: "linear-event",
  },
  // HubSpot, "Validating requests: v3 request signatures"
  hubspot: {
    header: "x-hubspot-signature-v3",
    encoding: "base64",
    signed: "{method}{url}{body}{timestamp}",
    timestampHeader: "x-hubspot-request-timestamp",
    timestampUnit: "ms",
  },
  // Twilio, "Security: validating requests"
  twilio: {
    header: "x-twilio-signature",
    digest: "sha1",
    encoding: "base64",
    signed: "{url}{form}",
    idHeader: "i-twilio-idempotency-token",
  },
  // Square, "Verify and validate an event notification"
  square: { header: "x-square-hmacsha256-signature", encoding: "base64", signed: "{url}{body}", idField: "event_id" },
  // Intercom, "Webhooks: signed notifications"
  intercom: { header: "x-hub-signature", prefix: "sha1=", digest: "sha1", idField: "id" },
  // Zendesk, "Verifying webhook authenticity"
  zendesk: {
    header: "x-zendesk-webhook-signature",
    encoding: "base64",
    signed: "{timestamp}{body}",
    timestampHeader: "x-zendesk-webhook-signature-timestamp",
    timestampUnit: "iso",
  },
  // Calendly, "Webhook signatures"
  calendly: {
    header: "calendly-webhook-signature",
    format: "pairs",
    pair: "v1",
    timestampPair: "t",
    signed: "{timestamp}.{body}",
  },
  // Typeform, "Secure your webhooks"
  typeform: { header: "typeform-signature", prefix: "sha256=", encoding: "base64", idField: "event_id" },
  // DocuSign Connect, "HMAC security: validate"
  docusign: { header: "x-docusign-signature-", format: "numbered", encoding: "base64" },
  // Dropbox, "Webhooks"
  dropbox: { header: "x-dropbox-signature", handshake: dropboxChallenge },
  // Notion, "Webhooks: verifying requests"
  notion: { header: "x-notion-signature", prefix: "sha256=", idField: "id" },
  // Paddle, "Signature verification"
  paddle: {
    header: "paddle-signature",
    format: "pairs",
    separator: ";",
    pair: "h1",
    timestampPair: "ts",
    signed: "{timestamp}:{body}",
    idField: "event_id",
  },
  // Razorpay, "Validate and test webhooks"
  razorpay: { header: "x-razorpay-signature", idHeader: "x-razorpay-event-id" },
  // Vercel, "Webhooks API: securing webhooks"
  vercel: { header: "x-vercel-signature", digest: "sha1", idField: "id" },
  // Twitch, "Handling webhook events: verifying the event message"
  twitch: {
    header: "twitch-eventsub-message-signature",
    prefix: "sha256=",
    signed: "{id}{timestamp}{body}",
    timestampHeader: "twitch-eventsub-message-timestamp",
    timestampUnit: "iso",
    windowSeconds: 600,
    idHeader: "twitch-eventsub-message-id",
    typeHeader: "twitch-eventsub-subscription-type",
    handshake: twitchChallenge,
  },
  // Sentry, "Integration platform: webhooks, verifying the signature"
  sentry: { header: "sentry-hook-signature", typeHeader: "sentry-hook-resource" },
  // Lemon Squeezy, "Signing requests"
  lemon_squeezy: { header: "x-signature", typeHeader: "x-event-name" },
};

const PUBLIC_KEY_ROWS: Record<string, PublicKeyRow & { handshake?: Handshake }> = {
  // Discord, "Interactions: setting up an endpoint, validating security request headers"
  discord: {
    algorithm: "ed25519",
    header: "x-signature-ed25519",
    signed: "{timestamp}{body}",
    timestampHeader: "x-signature-timestamp",
    windowSeconds: "none",
    handshake: discordPing,
  },
  // Twilio SendGrid, "Event Webhook security features"
  sendgrid: {
    algorithm: "p256",
    header: "x-twilio-email-event-webhook-signature",
    encoding: "base64",
    signed: "{timestamp}{body}",
    timestampHeader: "x-twilio-email-event-webhook-timestamp",
    windowSeconds: "none",
  },
};

export const providers: Record<string, Scheme> = {
  ...schemesOf(HMAC_ROWS, hmacScheme),
  ...schemesOf(PUBLIC_KEY_ROWS, publicKeyScheme),
};

function schemesOf<Row extends object>(
  rows: Record<string, Row & { handshake?: Handshake }>,
  scheme: (row: Row) => Scheme,
): Record<string, Scheme> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, { handshake, ...row }]) => [
      name,
      { ...scheme(row as unknown as Row), ...(handshake === undefined ? {} : { handshake }) },
    ]),
  );
}
