import type { Context } from "hono";
import { hasCookie } from "../../../shared/auth/session.ts";
import { requireSignIn } from "../../../shared/auth/sign-in.tsx";
import type { GuardedWorker } from "../../../shared/auth/token.ts";
import { cursorOf, takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { answerErrorPage, htmlPage, type Notice } from "../../../shared/pages/page.tsx";
import { configOf } from "../config.ts";
import { healthStateFrom, knownEndpoint, listEndpoints, reportedEndpoint } from "../operations/endpoints.ts";
import { createApp, type Env, endpointOf, type SenderContext } from "../operations/env.ts";
import { stateOf } from "../operations/json.ts";
import { SEARCH_PARAMETERS } from "../operations/search.ts";
import { presentSecrets } from "../operations/secrets.ts";
import { requestedDelivery } from "../operations/sent-request.ts";
import { alertsPage, postTestAlert } from "./alerts.tsx";
import { DELIVERY_FILTERS, DeliveriesPage, lookForDeliveries } from "./deliveries.tsx";
import { DeliveryPage } from "./delivery.tsx";
import { EndpointPage } from "./endpoint.tsx";
import { LoggedEventPage } from "./event.tsx";
import { lookAtEvent, lookForEvents } from "./event-queries.ts";
import { EventsPage } from "./events.tsx";
import { ALERTS_PATH, DashboardFrame, type DashboardFrameProps, DELIVERIES_PATH, EVENTS_PATH } from "./frame.tsx";
import { type ListAnswer, ListPage } from "./list.tsx";
import { NOTICE_PARAMETERS, noticeOf } from "./notices.ts";
import { deliveryPosts, endpointPosts, eventPosts, formPosts } from "./posts.ts";
import { SecretPage } from "./secret.tsx";
import { summarize } from "./summary.ts";

/** Routes of the dashboard: pages and their forms around the API's own operations, for whoever has signed in. */

const ENDPOINTS_PER_PAGE = 50;
const DELIVERIES_PER_PAGE = 25;
const ENDPOINT_PATH = "/dashboard/endpoints/:id";

/** Paths that only show something. A form's own path is among them: read by GET, it answers that there is no page. */
export const DASHBOARD_PAGES = /^\/(dashboard\/.*)?$/;

export function dashboardRoutes(guarded: GuardedWorker) {
  const signedIn = requireSignIn(guarded);
  return createApp()
    .onError((error, c) => answerErrorPage(error, c, (title, notice) => failure(c, title, notice)))
    .use("/", signedIn)
    .use("/dashboard/*", signedIn)
    .get("/", takes("after", "q", "state", ...NOTICE_PARAMETERS), (c) =>
      listPage(c, { notice: noticeOf(c.req.query("done")) }),
    )
    .route("/dashboard", formPosts(listPage))
    .get(ENDPOINT_PATH, takes("before", "state", ...NOTICE_PARAMETERS), endpointPage)
    .get(`${ENDPOINT_PATH}/secret`, takes(...NOTICE_PARAMETERS), async (c) => {
      const { row } = await knownEndpoint(c.env, c.req.param("id"));
      const { secrets } = presentSecrets(row.config, Date.now());
      const { signing, signatureHeaders } = row.config;
      return htmlPage(
        <SecretPage
          id={row.id}
          secrets={secrets}
          signing={signing}
          names={signatureHeaders ?? null}
          {...frameProps(c)}
        />,
      );
    })
    .get(`${ENDPOINT_PATH}/deliveries/:seq`, takes(...NOTICE_PARAMETERS), deliveryPage)
    .get(EVENTS_PATH, takes("before", "looked", "scheduled", ...SEARCH_PARAMETERS, ...NOTICE_PARAMETERS), async (c) =>
      htmlPage(<EventsPage {...(await lookForEvents(c))} {...frameProps(c)} />),
    )
    .get(`${EVENTS_PATH}/:id`, takes("after", "q", ...NOTICE_PARAMETERS), async (c) =>
      htmlPage(<LoggedEventPage {...(await lookAtEvent(c))} {...frameProps(c)} />),
    )
    .get(DELIVERIES_PATH, takes("before", ...DELIVERY_FILTERS), async (c) =>
      htmlPage(<DeliveriesPage {...(await lookForDeliveries(c))} {...frameProps(c)} />),
    )
    .get(ALERTS_PATH, takes(), (c) => alertsPage(c, frameProps))
    .post(`${ALERTS_PATH}/test`, takes(), (c) => postTestAlert(c, frameProps))
    .get(`${ALERTS_PATH}/test`, (c) => c.redirect(ALERTS_PATH, 303))
    .route(`${EVENTS_PATH}/:id`, eventPosts)
    .route(ENDPOINT_PATH, endpointPosts)
    .route(`${ENDPOINT_PATH}/deliveries/:seq`, deliveryPosts)
    .all("/dashboard/*", (c) => {
      throw new Problem("not_found", `There is no page ${c.req.path}.`);
    });
}

async function listPage(c: SenderContext, { notice, typed, status = 200 }: ListAnswer): Promise<Response> {
  const { after = "", q = "", state } = c.req.query();
  const choice = { q, state: healthStateFrom(state), after };
  const { reports, counts, next } = await listEndpoints(c.env, { q, state, after, order: "state" }, ENDPOINTS_PER_PAGE);
  const summaries = reports.map(summarize);
  const { origin } = new URL(c.req.url);
  const props = { origin, summaries, counts, choice, next, typed };
  return htmlPage(<ListPage {...props} {...frameProps(c, notice)} />, { status });
}

async function endpointPage(c: SenderContext): Promise<Response> {
  const id = c.req.param("id") ?? "";
  const [state, before] = [stateOf(c.req.query("state")), cursorOf("before", c.req.query("before"))];
  const query = { before, limit: DELIVERIES_PER_PAGE, state };
  const [summary, deliveries] = await Promise.all([
    reportedEndpoint(c.env, id).then(summarize),
    endpointOf(c.env, id)
      .deliveries(query)
      .catch(() => null),
  ]);
  const next = deliveries?.length === DELIVERIES_PER_PAGE ? (deliveries.at(-1)?.seq ?? null) : null;
  return htmlPage(<EndpointPage {...{ summary, deliveries, state, before, next }} {...frameProps(c)} />);
}

async function deliveryPage(c: SenderContext): Promise<Response> {
  const endpointId = c.req.param("id") ?? "";
  const found = await requestedDelivery(c.env, endpointId, c.req.param("seq") ?? "");
  const { origin } = new URL(c.req.url);
  return htmlPage(<DeliveryPage {...{ endpointId, origin, ...found }} {...frameProps(c)} />);
}

function failure(c: Context, title: string, notice: Notice) {
  return (
    <DashboardFrame title={title} {...frameProps(c, notice)}>
      <p>Nothing was changed.</p>
    </DashboardFrame>
  );
}

/** Returns what the frame of a page shows of the request, with `notice` or the one that the address names. */
function frameProps(c: Context, notice?: Notice): DashboardFrameProps {
  const { localDev, receiverUrl } = configOf(c.env as Env);
  return {
    notice: notice ?? noticeOf(c.req.query("done"), c.req.query("count")),
    signedIn: hasCookie(c, { worker: "sender", localDev }),
    receiver: receiverUrl,
    posted: c.req.method === "POST",
  };
}
