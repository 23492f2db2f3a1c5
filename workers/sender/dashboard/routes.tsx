import { type Context, Hono } from "hono";
import { hasCookie } from "../../../shared/auth/session.ts";
import { requireSignIn } from "../../../shared/auth/sign-in.tsx";
import type { Guarded } from "../../../shared/auth/token.ts";
import { answerError } from "../../../shared/http/answers.ts";
import { cursor, wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem, problems } from "../../../shared/http/problem.ts";
import { htmlPage, type Message } from "../../../shared/pages/page.tsx";
import { configOf } from "../config.ts";
import { knownEndpoint, listEndpoints } from "../operations/endpoints.ts";
import { type Env, endpointOf, outboxOf } from "../operations/env.ts";
import { stateOf } from "../operations/json.ts";
import { presentSecrets } from "../operations/secrets.ts";
import { DeliveryPage } from "./delivery.tsx";
import { EndpointPage } from "./endpoint.tsx";
import { Frame, type FrameProps } from "./frame.tsx";
import { List, type ListAnswer } from "./list.tsx";

import { messageOf } from "./messages.ts";
import { deliveryPosts, endpointPosts, formPosts } from "./posts.ts";
import { SecretPage } from "./secret.tsx";
import { summarize } from "./summary.ts";

const ENDPOINTS_PER_PAGE = 50;
const DELIVERIES_PER_PAGE = 25;
const MAX_SEQ = 1e15;
const PREFIX = "/dashboard/endpoints/:id";

export type C = Context<{ Bindings: Env }>;

/** The paths of what only shows something; a form's own, when it is asked for, is answered that there is no page. */
export const PAGES = /^\/(dashboard\/.*)?$/;

/** The pages, and what their forms post: the API's own functions behind HTML, for whoever has signed in. */
export function dashboard(guarded: Guarded) {
  const signedIn = requireSignIn(guarded);
  return new Hono<{ Bindings: Env }>()
    .onError(answerPage)
    .use("/", signedIn)
    .use("/dashboard/*", signedIn)
    .get("/", (c) => listPage(c, { message: messageOf(c.req.query("done"), undefined) }))
    .route("/dashboard", formPosts(listPage))
    .get(PREFIX, endpointPage)
    .get(`${PREFIX}/secret`, async (c) => {
      const { row } = await knownEndpoint(c.env, c.req.param("id"));
      const { secrets } = presentSecrets(row.config, Date.now());
      return htmlPage(
        <SecretPage id={row.id} secrets={secrets} {...frame(c, messageOf(c.req.query("done"), undefined))} />,
      );
    })
    .get(`${PREFIX}/deliveries/:seq`, deliveryPage)
    .route(PREFIX, endpointPosts)
    .route(`${PREFIX}/deliveries/:seq`, deliveryPosts)
    .all("/dashboard/*", (c) => {
      throw new Problem("not_found", `There is no page ${c.req.path}.`);
    });
}

async function listPage(c: C, { message, typed, status = 200 }: ListAnswer): Promise<Response> {
  const after = c.req.query("after") ?? "";
  const { views, next } = await listEndpoints(c.env, { after, limit: ENDPOINTS_PER_PAGE });
  const summaries = await Promise.all(views.map((view) => summarize(c.env, view)));
  const { origin } = new URL(c.req.url);
  return htmlPage(<List {...{ origin, summaries, after, next, typed }} {...frame(c, message)} />, {
    status,
  });
}

async function endpointPage(c: C): Promise<Response> {
  const view = await knownEndpoint(c.env, c.req.param("id") ?? "");
  const [state, before] = [stateOf(c.req.query("state")), cursor("before", c.req.query("before"))];
  const query = { before, limit: DELIVERIES_PER_PAGE, state };
  const [summary, deliveries] = await Promise.all([
    summarize(c.env, view),
    endpointOf(c.env, view.row.id)
      .deliveries(query)
      .catch(() => null),
  ]);
  const next = deliveries?.length === DELIVERIES_PER_PAGE ? (deliveries.at(-1)?.seq ?? null) : null;
  const message = messageOf(c.req.query("done"), c.req.query("count"));
  return htmlPage(<EndpointPage {...{ summary, deliveries, state, before, next }} {...frame(c, message)} />);
}

async function deliveryPage(c: C): Promise<Response> {
  const { row } = await knownEndpoint(c.env, c.req.param("id") ?? "");
  const seq = wholeNumber("seq", c.req.param("seq"), { min: 1, max: MAX_SEQ }) ?? 0;
  const delivery = await endpointOf(c.env, row.id).delivery(seq);
  if (delivery === null) throw new Problem("not_found", `${row.id} has no delivery ${seq}.`);
  // A delivered row no longer has the body; the log has it until retention takes it.
  const body = delivery.body ?? (await outboxOf(c.env).event(delivery.id))?.body ?? null;
  const message = messageOf(c.req.query("done"), undefined);
  return htmlPage(<DeliveryPage endpointId={row.id} delivery={delivery} body={body} {...frame(c, message)} />);
}

/** A failure as a page, for whoever reads pages. */
function answerPage(error: Error, c: Context): Response | Promise<Response> {
  const answer = answerError(error, c);
  const readsPages = c.req.header("accept")?.includes("text/html");
  if (!readsPages || !(error instanceof Problem)) return answer;
  const [status, title] = problems[error.code];
  const message = { text: error.message, failed: true };
  return htmlPage(
    <Frame title={title} {...frame(c, message)}>
      <p>Nothing was changed.</p>
    </Frame>,
    { status, headers: error.headers },
  );
}

function frame(c: Context, message: Message | undefined): FrameProps {
  const { localDev } = configOf(c.env as Env);
  const signedIn = hasCookie(c, { worker: "sender", localDev });
  return { message, signedIn, posted: c.req.method === "POST" };
}
