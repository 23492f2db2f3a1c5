/** Steps at a provider, by scheme: the place for the URL, and the place of the secret. */
const STEPS: Record<string, string> = {
  github:
    "In the repository or organization: Settings, Webhooks, Add webhook. Content type: application/json. You choose the secret: the same text goes into the field Secret and into the variable.",
  gitlab:
    "In the project or group: Settings, Webhooks, Add new webhook. You choose the secret: the same text goes into the field Secret token and into the variable.",
  stripe:
    "In the Dashboard: Developers, Webhooks, add a destination of the kind webhook endpoint. Stripe then shows its signing secret: it goes into the variable.",
  slack:
    "In the app's settings: Event Subscriptions, Request URL. The secret stands there under Basic Information, Signing Secret: it goes into the variable.",
  shopify:
    "In the admin: Settings, Notifications, Webhooks; the secret stands below the list. For an app it is the app's client secret. It goes into the variable.",
  linear:
    "In Linear: Settings, API, Webhooks. The page of the webhook shows its signing secret: it goes into the variable.",
  token: "The sender puts the token into each request: give it the same text as the variable.",
  telegram:
    "Call the Bot API's setWebhook with this URL and a secret_token of your choice: the same text goes into the variable.",
  postmark:
    "In the message stream: Webhooks, Add webhook, with basic auth credentials of your choice: `user:password` goes into the variable.",
  standard: "The sender signs with the same secret: it goes into the variable, and to whoever runs the sender.",
};

const OTHERS =
  "Where the provider asks for the URL, it shows a signing secret or lets you choose one: the same text goes into the variable.";

/** Returns what to do with the secret of a source at its provider. */
export function providerSteps(scheme: string): string {
  return STEPS[scheme] ?? OTHERS;
}
