/** Steps at each provider, by scheme: the place for the URL, the place of the secret, and the page that explains both. */

/** `documentation` is null for a scheme that is no provider's. */
export type ProviderSteps = { steps: string; documentation: string | null };

export const PROVIDER_STEPS: Record<string, ProviderSteps> = {
  standard: {
    steps: "The sender signs with the same secret: it goes into the variable, and to whoever runs the sender.",
    documentation: "https://www.standardwebhooks.com/",
  },
  svix: {
    steps: "On the provider's page of the endpoint: Signing Secret. It begins with whsec_ and goes into the variable.",
    documentation: "https://docs.svix.com/receiving/verifying-payloads/how",
  },
  gitlab: {
    steps:
      "In the project or group: Settings, Webhooks, Add new webhook. You choose the secret: the same text goes into the field Secret token and into the variable.",
    documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
  },
  gitlab_signed: {
    steps:
      "In the project or group: Settings, Webhooks, Add new webhook. GitLab generates the signing token, which begins with whsec_: it goes into the variable.",
    documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
  },
  github: {
    steps:
      "In the repository or organization: Settings, Webhooks, Add webhook. Content type: application/json. You choose the secret: the same text goes into the field Secret and into the variable.",
    documentation: "https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks",
  },
  stripe: {
    steps:
      "In the Dashboard: Developers, Webhooks, add a destination of the kind webhook endpoint. Stripe then shows its signing secret: it goes into the variable.",
    documentation: "https://docs.stripe.com/webhooks",
  },
  slack: {
    steps:
      "In the app's settings: Event Subscriptions, Request URL. The secret stands there under Basic Information, Signing Secret: it goes into the variable.",
    documentation: "https://docs.slack.dev/authentication/verifying-requests-from-slack/",
  },
  shopify: {
    steps:
      "In the admin: Settings, Notifications, Webhooks; the secret stands below the list. For an app it is the app's client secret. It goes into the variable.",
    documentation: "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
  },
  zoom: {
    steps:
      "In the Marketplace app: Features, Event subscriptions. The app's Secret Token goes into the variable before you press Validate.",
    documentation: "https://developers.zoom.us/docs/api/webhooks/",
  },
  meta: {
    steps:
      "In the App Dashboard: Webhooks, Callback URL. The App Secret goes into the variable. You choose the Verify Token: the same text goes into the variable that handshakeSecret names.",
    documentation: "https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
  },
  bitbucket: {
    steps:
      "In the repository: Repository settings, Webhooks, Add webhook. You choose the secret: the same text goes into the field Secret and into the variable.",
    documentation: "https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/",
  },
  jira: {
    steps:
      "In the administration: System, WebHooks, Create. You choose the secret: the same text goes into the field Secret and into the variable.",
    documentation: "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
  },
  linear: {
    steps:
      "In Linear: Settings, API, Webhooks. The page of the webhook shows its signing secret: it goes into the variable.",
    documentation: "https://linear.app/developers/webhooks",
  },
  hubspot: {
    steps: "In the app: Webhooks, Target URL. The app's client secret, under Auth, goes into the variable.",
    documentation: "https://developers.hubspot.com/docs/api/webhooks/validating-requests",
  },
  twilio: {
    steps:
      "In the Console: the webhook field of the number or service. The account's Auth Token goes into the variable.",
    documentation: "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
  },
  square: {
    steps:
      "In the Developer Console: the application, Webhooks, Subscriptions. The subscription's Signature Key goes into the variable.",
    documentation: "https://developer.squareup.com/docs/webhooks/step3validate",
  },
  intercom: {
    steps:
      "In the Developer Hub: the app, Webhooks. The app's client secret, under Basic information, goes into the variable.",
    documentation: "https://developers.intercom.com/docs/webhooks",
  },
  zendesk: {
    steps:
      "In the Admin Center: Apps and integrations, Webhooks, Create webhook. Reveal secret on its page shows the secret: it goes into the variable.",
    documentation: "https://developer.zendesk.com/documentation/webhooks/verifying/",
  },
  calendly: {
    steps:
      "Create the subscription by Calendly's API. You choose signing_key there: the same text goes into the variable.",
    documentation: "https://developer.calendly.com/api-docs/ZG9jOjM2MzE2MDM4-webhook-signatures",
  },
  typeform: {
    steps:
      "In the form: Connect, Webhooks, Add a webhook; then Edit. You choose the secret: the same text goes into the field Secret and into the variable.",
    documentation: "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
  },
  docusign: {
    steps:
      "In the administration: Integrations, Connect. Include HMAC signature in the configuration; the key that Connect Keys shows once goes into the variable.",
    documentation: "https://developers.docusign.com/platform/webhooks/connect/hmac/",
  },
  dropbox: {
    steps: "In the App Console: the app, Webhook URIs. The App secret goes into the variable before you add the URL.",
    documentation: "https://www.dropbox.com/developers/reference/webhooks",
  },
  notion: {
    steps:
      "In the integration's settings: Webhooks, Create a subscription. Notion sends a verification_token, which is found under Rejected: it goes into the variable, and into Notion's Verify field.",
    documentation: "https://developers.notion.com/reference/webhooks",
  },
  paddle: {
    steps:
      "In Paddle: Developer tools, Notifications, New destination. The destination's secret key goes into the variable.",
    documentation: "https://developer.paddle.com/webhooks/signature-verification",
  },
  razorpay: {
    steps:
      "In the Dashboard: Account & Settings, Webhooks, Add new webhook. You choose the secret: the same text goes into the field Secret and into the variable.",
    documentation: "https://razorpay.com/docs/webhooks/validate-test/",
  },
  vercel: {
    steps:
      "In the team's settings: Webhooks, Create Webhook. Vercel shows the secret once: it goes into the variable. For an integration it is the integration's client secret.",
    documentation: "https://vercel.com/docs/webhooks/webhooks-api",
  },
  twitch: {
    steps:
      "Create the EventSub subscription by Twitch's API. You choose transport.secret there: the same text goes into the variable first, as Twitch asks at once.",
    documentation: "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
  },
  sentry: {
    steps:
      "In the organization: Settings, Custom Integrations, Webhook URL. The integration's Client Secret goes into the variable.",
    documentation: "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
  },
  lemon_squeezy: {
    steps:
      "In the store: Settings, Webhooks. You choose the signing secret: the same text goes into the field Signing secret and into the variable.",
    documentation: "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
  },
  discord: {
    steps:
      "In the Developer Portal: the application, Webhooks, Endpoint URL. The Public Key, under General Information, goes into the variable first, as Discord asks at once.",
    documentation: "https://discord.com/developers/docs/events/webhook-events",
  },
  sendgrid: {
    steps:
      "In SendGrid: Settings, Mail Settings, Event Webhook, Signed Event Webhook. The Verification Key goes into the variable.",
    documentation:
      "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
  },
  telegram: {
    steps:
      "Call the Bot API's setWebhook with this URL and a secret_token of your choice: the same text goes into the variable.",
    documentation: "https://core.telegram.org/bots/api#setwebhook",
  },
  postmark: {
    steps:
      "In the message stream: Webhooks, Add webhook, with basic auth credentials of your choice: `user:password` goes into the variable.",
    documentation: "https://postmarkapp.com/developer/webhooks/webhooks-overview",
  },
  hmac: {
    steps:
      "Where the provider asks for the URL, it shows a signing secret or lets you choose one: the same text goes into the variable.",
    documentation: null,
  },
  token: {
    steps: "The sender puts the token into each request: give it the same text as the variable.",
    documentation: null,
  },
  none: { steps: "Give the sender the URL; there is no secret, and nothing is verified.", documentation: null },
};
