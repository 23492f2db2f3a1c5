import { HEADER } from "../../../../shared/signing/signature.ts";
import { providers } from "./providers.ts";
import type { Scheme } from "./scheme.ts";
import { standard, standardScheme, svix } from "./standard.ts";
import { none, tokenScheme } from "./token.ts";

/** Every scheme by the name that the configuration uses. One name more, `hmac`, stands for a source's own row. */
export const schemes: Record<string, Scheme> = {
  standard,
  svix,
  token: tokenScheme({}),
  // GitLab Docs, "Webhooks: secret token", "delivery headers"
  gitlab: tokenScheme({ header: "x-gitlab-token", idHeader: "idempotency-key", typeHeader: "x-gitlab-event" }),
  // GitLab Docs, "Webhooks: signing token": Standard Webhooks, with the `whsec_` token that GitLab generates; the
  // other token may come along
  gitlab_signed: standardScheme(HEADER, { typeHeader: "x-gitlab-event", secretHeaders: ["x-gitlab-token"] }),
  // Telegram Bot API, "setWebhook: secret_token", "Update"
  telegram: tokenScheme({ header: "x-telegram-bot-api-secret-token", idField: "update_id" }),
  // Postmark, "Webhooks overview: HTTP authentication"; the secret is `user:password` of the URL
  postmark: tokenScheme({ header: "authorization", authScheme: "Basic", typeField: "RecordType" }),
  none,
  ...providers,
};
