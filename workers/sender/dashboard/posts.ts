import type { Context } from "hono";
import { takes, wholeNumber } from "../../../shared/http/parameters.ts";
import { Problem, problems } from "../../../shared/http/problem.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import { configOf } from "../config.ts";
import { parseEndpointInput } from "../model/endpoint-input.ts";
import { parseEvents } from "../model/event.ts";
import {
  createEndpoint,
  deleteEndpoint,
  rotateEndpoint,
  testEndpoint,
  updateEndpoint,
} from "../operations/endpoints.ts";
import { createApp, type Env, type SenderContext } from "../operations/env.ts";
import { knownEvent, redeliver } from "../operations/events.ts";
import { publishTo, withDigests } from "../operations/publish.ts";
import { recoverEndpoint, skipWaiting } from "../operations/recover.ts";
import { cancelReplay, replayTo } from "../operations/replay.ts";
import { cancelScheduled } from "../operations/scheduled.ts";
import { requestedDelivery } from "../operations/sent-request.ts";
import { inUtc } from "./event-queries.ts";
import {
  ENDPOINT_FIELDS,
  EVENT_FIELDS,
  endpointFrom,
  eventTextFrom,
  readDashboardForm,
  TypedFields,
} from "./form-input.ts";
import type { TypedForm } from "./forms.tsx";
import { EVENTS_PATH, endpointPath, eventPath } from "./frame.tsx";
import type { ListAnswer } from "./list.tsx";
import { REPLAY_FIELDS } from "./replay.tsx";

/** Handlers of the forms. Each does what the API does, then redirects with 303, so that a reload repeats nothing. */

type ShowList = (c: SenderContext, answer: ListAnswer) => Promise<Response>;

const MAX_HOURS = 3650 * 24;
const MAX_OVERLAP_SECONDS = 7 * 86_400;

/** Adds an endpoint and publishes an event. A refused form comes back with what was typed in it. */
export function formPosts(showList: ShowList) {
  const refused = (c: SenderContext, error: unknown, form: TypedForm["form"], values: URLSearchParams) => {
    if (!(error instanceof Problem)) throw error;
    const typed = {
      form,
      values: new TypedFields(values, error.message, form === "event" ? EVENT_FIELDS : ENDPOINT_FIELDS),
    };
    const [status] = problems[error.code];
    return showList(c, { notice: { text: error.message, failed: true }, typed, status });
  };
  return createApp()
    .post("/endpoints", takes(), async (c) => {
      const values = await readDashboardForm(c.req.raw, ...ENDPOINT_FIELDS);
      try {
        const { row } = await createEndpoint(c.env, endpointInput(c.env, values));
        return c.redirect(`${endpointPath(row.id)}/secret?done=created`, 303);
      } catch (error) {
        return refused(c, error, "endpoint", values);
      }
    })
    .post("/events", takes(), async (c) => {
      const values = await readDashboardForm(c.req.raw, ...EVENT_FIELDS);
      try {
        const horizonMs = configOf(c.env).retentionMs;
        const parsed = parseEvents(eventTextFrom(values), { now: Date.now(), horizonMs });
        if (!parsed.ok) throw new Problem("invalid_event", parsed.reason);
        await publishTo(c.env, { events: await withDigests(parsed.events), request: null });
        return c.redirect("/?done=published", 303);
      } catch (error) {
        return refused(c, error, "event", values);
      }
    });
}

/** Handles the buttons of one endpoint. */
export const endpointPosts = createApp()
  .post("/*", takes())
  .post("/test", async (c) => {
    await readDashboardForm(c.req.raw);
    const { outcome } = await testEndpoint(c.env, idOf(c));
    return redirectDone(c, outcome?.state === "delivered" ? "tested" : "waiting");
  })
  .post("/enable", async (c) => {
    await readDashboardForm(c.req.raw);
    await updateEndpoint(c.env, idOf(c), { enabled: true });
    return redirectDone(c, "enabled");
  })
  .post("/disable", async (c) => {
    await readDashboardForm(c.req.raw);
    await updateEndpoint(c.env, idOf(c), { enabled: false });
    return redirectDone(c, "disabled");
  })
  .post("/recover", async (c) => {
    const hours = await postedNumber(c, "hours", { min: 1, max: MAX_HOURS });
    const since = new Date(Date.now() - hours * HOUR_MS).toISOString();
    return redirectDone(c, `recovered&count=${await recoverEndpoint(c.env, idOf(c), { since })}`);
  })
  .post("/send-waiting", async (c) => {
    await readDashboardForm(c.req.raw);
    return redirectDone(c, `forwarded&count=${await recoverEndpoint(c.env, idOf(c), { state: "due" })}`);
  })
  .post("/skip-waiting", async (c) => {
    await readConfirmed(c, "Skip");
    return redirectDone(c, `skipped&count=${await skipWaiting(c.env, idOf(c), {})}`);
  })
  .post("/replay", async (c) => {
    await replayTo(c.env, idOf(c), replayFrom(await readDashboardForm(c.req.raw, ...REPLAY_FIELDS)));
    return redirectDone(c, "replaying");
  })
  .post("/replay/cancel", async (c) => {
    await readDashboardForm(c.req.raw);
    await cancelReplay(c.env, idOf(c));
    return redirectDone(c, "replay-cancelled");
  })
  .post("/rotate", async (c) => {
    const seconds = await postedNumber(c, "expiresInSeconds", { min: 0, max: MAX_OVERLAP_SECONDS });
    const { row } = await rotateEndpoint(c.env, idOf(c), seconds);
    return c.redirect(`${endpointPath(row.id)}/secret?done=rotated`, 303);
  })
  .post("/delete", async (c) => {
    await readConfirmed(c, "Delete");
    return c.redirect(`/?done=${(await deleteEndpoint(c.env, idOf(c))) ? "deleted" : "deleting"}`, 303);
  });

/** Handles the button of one delivery. */
export const deliveryPosts = createApp().post("/redeliver", takes(), async (c) => {
  await readDashboardForm(c.req.raw);
  const endpointId = idOf(c);
  const { delivery } = await requestedDelivery(c.env, endpointId, c.req.param("seq") ?? "");
  await redeliver(c.env, await knownEvent(c.env, delivery.id), { only: endpointId, after: "", failed: false });
  return c.redirect(`${endpointPath(endpointId)}/deliveries/${delivery.seq}?done=redelivered`, 303);
});

/** Handles the buttons of one event: again to all endpoints, to one, or to those that lack it; cancelled before its time. */
export const eventPosts = createApp()
  .post("/*", takes())
  .post("/redeliver", async (c) => {
    const form = await readDashboardForm(c.req.raw, "endpointId", "failed");
    const choice = { only: form.get("endpointId"), after: "", failed: form.get("failed") === "true" };
    const event = await knownEvent(c.env, idOf(c));
    const { redelivering } = await redeliver(c.env, event, choice);
    return c.redirect(`${eventPath(event.id)}?done=resent&count=${redelivering.length}`, 303);
  })
  .post("/cancel", async (c) => {
    await readConfirmed(c, "Cancel");
    await cancelScheduled(c.env, idOf(c));
    return c.redirect(`${EVENTS_PATH}?done=cancelled`, 303);
  });

function endpointInput(env: Env, form: URLSearchParams) {
  const parsed = parseEndpointInput(endpointFrom(form), { localDev: configOf(env).localDev, creating: true });
  if (!parsed.ok) throw new Problem("invalid_endpoint", parsed.reason);
  return parsed.input;
}

/** Returns the members of a replay; a field left empty is none. */
function replayFrom(form: URLSearchParams) {
  const filled = (name: string) => form.get(name)?.trim() || undefined;
  const [since, until] = [inUtc(filled("since")), inUtc(filled("until"))];
  const types = filled("types")?.split(/[\s,]+/);
  return {
    ...(since === undefined ? { after: 0 } : { since }),
    ...(until !== undefined && { until }),
    ...(types !== undefined && { types }),
    only: filled("only"),
  };
}

function idOf(c: Context): string {
  return c.req.param("id") ?? "";
}

function redirectDone(c: SenderContext, name: string): Response {
  return c.redirect(`${endpointPath(idOf(c))}?done=${name}`, 303);
}

/** Reads a form whose only field is a box that confirms it. @throws Problem `bad_request` */
async function readConfirmed(c: SenderContext, button: string): Promise<void> {
  if ((await readDashboardForm(c.req.raw, "confirm")).get("confirm") === "yes") return;
  throw new Problem("bad_request", `Check the box beside ${button} to confirm.`);
}

/** Reads the one field of a form, a whole number. @throws Problem `invalid_input` */
async function postedNumber(c: SenderContext, name: string, range: { min: number; max: number }): Promise<number> {
  const form = await readDashboardForm(c.req.raw, name);
  return wholeNumber(name, form.get(name) ?? "", { ...range, code: "invalid_input" }) ?? range.min;
}
