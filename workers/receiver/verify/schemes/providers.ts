import {
  DISCORD_HANDSHAKES,
  DROPBOX_HANDSHAKES,
  META_HANDSHAKES,
  SLACK_HANDSHAKES,
  TWITCH_HANDSHAKES,
  ZOOM_HANDSHAKES,
} from "./handshakes.ts";
import { hmacScheme } from "./hmac.ts";
import { publicKeyScheme } from "./public-key.ts";
import type { HmacRow, PublicKeyRow } from "./row.ts";
import type { Scheme } from "./scheme.ts";

/** The providers: one row each. A test has a vector for every row. */

/** Answers that a provider expects, beside the way it signs. */
type Manners = Pick<Scheme, "handshakes" | "answer" | "methods">;

/**
 * Rows of the providers that sign with HMAC; each comment names the pages of the provider's documentation. Adding a
 * provider is adding a row. An id in a header is signed only if `signed` names it, an id in the body always.
 */
export const HMAC_ROWS: Record<string, HmacRow & Manners> = {
  // GitHub Docs, "Validating webhook deliveries", "Webhook events and payloads: delivery headers"
  github: {
    header: "x-hub-signature-256",
    prefix: "sha256=",
    idHeader: "x-github-delivery",
    typeHeader: "x-github-event",
  },
  // Stripe Docs, "Receive Stripe events in your webhook endpoint: verify webhook signatures manually"
  stripe: {
    header: "stripe-signature",
    format: "pairs",
    pair: "v1",
    timestampPair: "t",
    signed: "{timestamp}.{body}",
    idField: "id",
  },
  // Slack, "Verifying requests from Slack", "The Events API: event type structure", "url_verification event"
  slack: {
    header: "x-slack-signature",
    prefix: "v0=",
    signed: "v0:{timestamp}:{body}",
    timestampHeader: "x-slack-request-timestamp",
    idField: "event_id",
    typeField: "event.type",
    handshakes: SLACK_HANDSHAKES,
    // "Slash commands": a text would be shown to whoever typed the command.
    answer: { contentType: "text/plain", body: "" },
  },
  // Shopify, "Deliver webhooks through HTTPS", "Webhook: webhookId" (the key for idempotency; X-Shopify-Event-Id is
  // the same for several topics)
  shopify: {
    header: "x-shopify-hmac-sha256",
    encoding: "base64",
    idHeader: "x-shopify-webhook-id",
    typeHeader: "x-shopify-topic",
  },
  // Zoom, "Using webhooks: verify webhook events", "validate your webhook endpoint"
  zoom: {
    header: "x-zm-signature",
    prefix: "v0=",
    signed: "v0:{timestamp}:{body}",
    timestampHeader: "x-zm-request-timestamp",
    handshakes: ZOOM_HANDSHAKES,
  },
  // Meta, "Graph API webhooks: get started, verification requests, validating payloads"
  meta: { header: "x-hub-signature-256", prefix: "sha256=", typeField: "object", handshakes: META_HANDSHAKES },
  // Bitbucket Cloud, "Manage webhooks: secure webhooks", "Event payloads: HTTP headers"
  bitbucket: { header: "x-hub-signature", prefix: "sha256=", idHeader: "x-request-uuid", typeHeader: "x-event-key" },
  // Jira Cloud platform, "Webhooks: secure admin webhooks", "webhook delivery headers"
  jira: {
    header: "x-hub-signature",
    prefix: "sha256=",
    idHeader: "x-atlassian-webhook-identifier",
    typeField: "webhookEvent",
  },
  // Linear, "Webhooks: securing webhooks"
  linear: {
    header: "linear-signature",
    timestampField: "webhookTimestamp",
    timestampUnit: "ms",
    windowSeconds: 60,
    idHeader: "linear-delivery",
    typeHeader: "linear-event",
  },
  // HubSpot, "Request validation: validate the v3 request signature"
  hubspot: {
    header: "x-hubspot-signature-v3",
    encoding: "base64",
    signed: "{method}{url}{body}{timestamp}",
    urlDecodes: ":/?@!$'()*,;",
    timestampHeader: "x-hubspot-request-timestamp",
    timestampUnit: "ms",
  },
  // Twilio, "Security: validating requests are coming from Twilio"; the ports as its libraries try them
  twilio: {
    header: "x-twilio-signature",
    digest: "sha1",
    encoding: "base64",
    signed: "{url}{form}",
    urlPort: "either",
    bodyDigest: "bodySHA256",
    idHeader: "i-twilio-idempotency-token",
    // "TwiML for Programmable Messaging": a text would be sent to whoever wrote the message.
    answer: { contentType: "text/xml", body: "<Response/>" },
  },
  // Square, "Verify and validate an event notification": the URL as it was registered
  square: {
    header: "x-square-hmacsha256-signature",
    encoding: "base64",
    signed: "{url}{body}",
    urlQuery: "configured",
    idField: "event_id",
  },
  // Intercom, "Webhooks: signed notifications", "the webhook notification object"
  intercom: { header: "x-hub-signature", prefix: "sha1=", digest: "sha1", idField: "id", typeField: "topic" },
  // Zendesk, "Verifying webhook authenticity", "Anatomy of a webhook request"
  zendesk: {
    header: "x-zendesk-webhook-signature",
    encoding: "base64",
    signed: "{timestamp}{body}",
    timestampHeader: "x-zendesk-webhook-signature-timestamp",
    timestampUnit: "iso",
    idHeader: "x-zendesk-webhook-invocation-id",
  },
  // Calendly, "Webhook signatures"
  calendly: {
    header: "calendly-webhook-signature",
    format: "pairs",
    pair: "v1",
    timestampPair: "t",
    signed: "{timestamp}.{body}",
  },
  // Typeform, "Secure your webhooks", "Example payload"
  typeform: {
    header: "typeform-signature",
    prefix: "sha256=",
    encoding: "base64",
    idField: "event_id",
    typeField: "event_type",
  },
  // Docusign, "Connect: HMAC security", one header for each of the account's keys
  docusign: { header: "x-docusign-signature-", format: "numbered", encoding: "base64" },
  // Dropbox, "Webhooks"
  dropbox: { header: "x-dropbox-signature", handshakes: DROPBOX_HANDSHAKES },
  // Notion, "Webhooks: validating event payloads"; the verification token is the secret
  notion: { header: "x-notion-signature", prefix: "sha256=", idField: "id" },
  // Paddle, "Verify webhook signatures", "Webhooks: respond to webhooks"
  paddle: {
    header: "paddle-signature",
    format: "pairs",
    separator: ";",
    pair: "h1",
    timestampPair: "ts",
    signed: "{timestamp}:{body}",
    idField: "event_id",
    typeField: "event_type",
  },
  // Razorpay, "Validate and test webhooks"
  razorpay: { header: "x-razorpay-signature", idHeader: "x-razorpay-event-id" },
  // Vercel, "Webhooks: securing webhooks", "Webhooks API reference: payload"
  vercel: { header: "x-vercel-signature", digest: "sha1", idField: "id" },
  // Twitch, "Getting events using webhook callbacks: verifying the event message", "list of request headers"
  twitch: {
    header: "twitch-eventsub-message-signature",
    prefix: "sha256=",
    signed: "{id}{timestamp}{body}",
    timestampHeader: "twitch-eventsub-message-timestamp",
    timestampUnit: "iso",
    windowSeconds: 600,
    idHeader: "twitch-eventsub-message-id",
    typeHeader: "twitch-eventsub-subscription-type",
    handshakes: TWITCH_HANDSHAKES,
  },
  // Sentry, "Integration platform: webhooks, request headers"
  sentry: { header: "sentry-hook-signature", idHeader: "request-id", typeHeader: "sentry-hook-resource" },
  // Lemon Squeezy, "Webhooks: signing requests", "webhook requests"
  lemon_squeezy: { header: "x-signature", typeHeader: "x-event-name" },
};

const PUBLIC_KEY_ROWS: Record<string, PublicKeyRow & Manners> = {
  // Discord, "Webhook Events: preparing for events, validating security request headers"
  discord: {
    algorithm: "ed25519",
    header: "x-signature-ed25519",
    signed: "{timestamp}{body}",
    timestampHeader: "x-signature-timestamp",
    windowSeconds: "none",
    typeField: "event.type",
    handshakes: DISCORD_HANDSHAKES,
  },
  // Twilio SendGrid, "Getting started with the Event Webhook security features: the signed Event Webhook"
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
  rows: Record<string, Row & Manners>,
  scheme: (row: Row) => Scheme,
): Record<string, Scheme> {
  const withManners = ({ handshakes, answer, methods, ...row }: Row & Manners): Scheme => ({
    ...scheme(row as unknown as Row),
    ...(handshakes === undefined ? {} : { handshakes }),
    ...(methods === undefined ? {} : { methods }),
    ...(answer === undefined ? {} : { answer }),
  });
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, withManners(row)]));
}
