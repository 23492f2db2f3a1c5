import { providers } from "./providers.ts";
import type { Scheme } from "./scheme.ts";
import { standard, svix } from "./standard.ts";
import { none, tokenScheme } from "./token.ts";

/** Every scheme by the name that configuration uses; `hmac` besides stands for a row of its own. */
export const schemes: Record<string, Scheme> = {
  standard,
  svix,
  token: tokenScheme({}),
  // GitLab, "Webhooks": a token as it was typed, beside which newer versions sign as Standard Webhooks.
  gitlab: tokenScheme({ places: ["x-gitlab-token"], idHeader: "idempotency-key", typeHeader: "x-gitlab-event" }),
  none,
  ...providers,
};
