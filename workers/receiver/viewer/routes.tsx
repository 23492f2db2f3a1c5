import { testNotice } from "../../../shared/alerts/panel.tsx";
import { requireSignIn } from "../../../shared/auth/sign-in.tsx";
import type { GuardedWorker } from "../../../shared/auth/token.ts";
import { readForm } from "../../../shared/http/body.ts";
import { checkParameters, cursorOf, takes } from "../../../shared/http/parameters.ts";
import { Problem, problemOf, problems } from "../../../shared/http/problem.ts";
import { htmlPage, type Notice } from "../../../shared/pages/page.tsx";
import { configOf } from "../config.ts";
import { forwardEvent } from "../forward/send.ts";
import { alertsOf, testAlert } from "../log/alerts.ts";
import { createApp, type ReceiverContext } from "../log/logs.ts";
import { notLogged, recordAt } from "../log/read.ts";
import { takeIn } from "../receive/take.ts";
import { DEFAULT_LOG } from "../verify/source.ts";
import { ComparePage } from "./compare/compare-page.tsx";
import { ConnectPage, connectionsOf, EmptyLog } from "./connect/connections.tsx";
import { clearLog, comparedData, eventData, type ListCursor, listData, rejectedData, sameTypeBefore } from "./data.ts";
import { AlertsPage } from "./pages/alerts.tsx";
import { EventPage } from "./pages/event.tsx";
import { ListPage } from "./pages/list.tsx";
import { RejectedPage } from "./pages/rejected.tsx";
import { href, unfiltered } from "./parts/address.ts";
import type { BodyView } from "./parts/body.tsx";
import type { ShownEvent } from "./parts/event-content.tsx";
import { type ForwardState, outcomeText } from "./parts/forward.tsx";
import type { RequestedView } from "./parts/frame.tsx";
import { answerFailure, NOTICE_PARAMETERS, requestedView, VIEW_PARAMETERS } from "./view.tsx";

/** Routes of the viewer: pages that show a log to whoever has signed in, and two forms that forward and clear. */

const MAX_FORM_BYTES = 16 * 1024;
const TAKE_PATH = "/rejected/:id{rej_[0-9a-f]{32}}/take";
const EVENT_PATH = "/e/:seq{[1-9][0-9]{0,14}}";
const SEQ = /^[1-9][0-9]{0,14}$/;
const NOT_FORWARDED: ForwardState = { url: "", result: null };

/** Parameters of the list: its cursor, the event beside it, and the view of that event's body. */
const LIST_PARAMETERS = ["before", "after", "event", "view"];

/** Paths that only show something. */
export const VIEWER_PAGES = /^\/(e\/.*|rejected|connect|alerting|compare)?$/;

export function viewerRoutes(guarded: GuardedWorker) {
  const signedIn = requireSignIn(guarded);
  return createApp()
    .onError(answerFailure)
    .use("/", signedIn)
    .use("/e/*", signedIn)
    .use("/rejected/*", signedIn)
    .use("/connect", signedIn)
    .use("/compare", signedIn)
    .use("/alerting/*", signedIn)
    .use("/clear", signedIn)
    .get("/", takes(...VIEW_PARAMETERS, ...LIST_PARAMETERS, ...NOTICE_PARAMETERS), listPage)
    .get("/compare", comparePage)
    .get("/connect", takes(...VIEW_PARAMETERS), connectPage)
    .get("/alerting", takes(...VIEW_PARAMETERS), (c) => alertsPage(c))
    .post("/alerting/test", takes("log"), postTestAlert)
    .get("/alerting/test", (c) => c.redirect(`/alerting${new URL(c.req.url).search}`, 303))
    .get("/rejected", takes(...VIEW_PARAMETERS, ...NOTICE_PARAMETERS), (c) => rejectedPage(c))
    .post(TAKE_PATH, takes(...VIEW_PARAMETERS), postTake)
    .get(TAKE_PATH, (c) => c.redirect(`/rejected${new URL(c.req.url).search}`, 303))
    .get(EVENT_PATH, takes(...VIEW_PARAMETERS, "view"), (c) => eventPage(c, { forwarding: NOT_FORWARDED }))
    .post(`${EVENT_PATH}/forward`, takes("log"), postForward)
    .get(`${EVENT_PATH}/forward`, (c) => c.redirect(`/e/${c.req.param("seq")}${new URL(c.req.url).search}`, 303))
    .post("/clear", takes("log"), postClear);
}

async function listPage(c: ReceiverContext): Promise<Response> {
  const { searchParams } = new URL(c.req.url);
  // A form sends its empty fields, too; the address should hold only those that are set.
  const given = [...searchParams].filter(([, value]) => value !== "");
  if (given.length < searchParams.size) return c.redirect(withQuery("/", given), 303);
  const view = requestedView(c);
  const [data, beside] = await Promise.all([
    listData(c.env, configOf(c.env), view.address, cursorIn(searchParams)),
    besideIn(c, view),
  ]);
  const connections = data.events.length === 0 ? await connectionsIn(c, view) : [];
  const empty = <EmptyLog connections={connections} view={view} />;
  const again = withQuery("/", given);
  return htmlPage(<ListPage {...data} {...{ view, empty, again, beside, now: Date.now() }} />);
}

/** Reads the event that stands beside the list. @throws Problem `invalid_parameter` */
async function besideIn(c: ReceiverContext, view: RequestedView) {
  const text = c.req.query("event");
  if (text === undefined) return null;
  const missingSeq = seqOf(text);
  return (await shownEvent(c, view, { seq: missingSeq, forwarding: NOT_FORWARDED })) ?? { missingSeq };
}

/** Reads all that is shown of an event; null if the log does not hold it. @throws Problem `invalid_parameter` */
async function shownEvent(
  c: ReceiverContext,
  { address }: RequestedView,
  { seq, forwarding }: { seq: number; forwarding: ForwardState },
): Promise<ShownEvent | null> {
  const data = await eventData(c.env, address, seq);
  if (data === null) return null;
  const scheme = configOf(c.env).sources.get(data.record.source)?.schemeName ?? null;
  return { ...data, scheme, forwarding, bodyView: bodyViewOf(c.req.query("view")) };
}

/** Reads the cursor of a list. @throws Problem `invalid_cursor`, `invalid_parameter` */
function cursorIn(parameters: URLSearchParams): ListCursor {
  const [before, after] = [parameters.get("before"), parameters.get("after")];
  if (after !== null && before !== null) throw new Problem("invalid_parameter", "Give `after` or `before`, not both.");
  if (after !== null) return { order: "after", seq: cursorOf("after", after) };
  return { order: "before", seq: cursorOf("before", before) };
}

/**
 * Shows two events, `a` and `b`. The form of the list names both `seq`, and is led to that address; so is `b` alone, to
 * the event before it of the same type.
 */
async function comparePage(c: ReceiverContext): Promise<Response> {
  const { searchParams } = new URL(c.req.url);
  const chosen = searchParams.getAll("seq");
  const rest = [...searchParams].filter(([name]) => name !== "seq" || chosen.length === 0);
  checkParameters(new URLSearchParams(rest), [...VIEW_PARAMETERS, "a", "b"]);
  const view = requestedView(c);
  const { address } = view;
  const seqs = (chosen.length > 0 ? chosen : ["a", "b"].flatMap((name) => searchParams.get(name) ?? [])).map(seqOf);
  const [first, second] = seqs;
  if (first !== undefined && second !== undefined && seqs.length === 2) {
    const [a, b] = [Math.min(first, second), Math.max(first, second)];
    if (chosen.length > 0) return c.redirect(href("/compare", address, { a, b }), 303);
    const [before, after] = await comparedData(c.env, address.log, [first, second]);
    return htmlPage(<ComparePage {...{ view, before, after }} />);
  }
  if (first === undefined || chosen.length > 0 || !searchParams.has("b")) {
    throw new Problem("invalid_parameter", `Choose two events to compare, not ${seqs.length}.`);
  }
  const before = await sameTypeBefore(c.env, address.log, first);
  if (before === null) throw new Problem("not_found", `No event of the same type was found shortly before ${first}.`);
  return c.redirect(href("/compare", address, { a: before, b: first }), 303);
}

/** Reads the number of an event. @throws Problem `invalid_parameter` */
function seqOf(text: string): number {
  if (SEQ.test(text)) return Number(text);
  throw new Problem("invalid_parameter", `The number of an event is whole, not ${JSON.stringify(text)}.`);
}

async function connectPage(c: ReceiverContext): Promise<Response> {
  const view = requestedView(c);
  return htmlPage(<ConnectPage connections={await connectionsIn(c, view)} view={view} />);
}

async function alertsPage(c: ReceiverContext, notice?: Notice): Promise<Response> {
  return htmlPage(<AlertsPage alerts={await alertsOf(c.env)} view={requestedView(c, notice)} />);
}

/** Sends a test and shows the answer at once, since it is not stored. */
async function postTestAlert(c: ReceiverContext): Promise<Response> {
  await readForm(c.req.raw, { known: [], maxBytes: MAX_FORM_BYTES });
  return alertsPage(c, testNotice(await testAlert(c.env)));
}

/** Returns the connections of a view's sources. */
function connectionsIn(c: ReceiverContext, { origin, address }: RequestedView) {
  const { log, filter } = address;
  const sources = [...configOf(c.env).sources.values()].filter(
    (source) => source.log === log && (filter.source === null || source.name === filter.source),
  );
  return connectionsOf(sources, { origin, now: Date.now(), id: `msg_${crypto.randomUUID().replaceAll("-", "")}` });
}

async function rejectedPage(c: ReceiverContext, notice?: Notice, status = 200): Promise<Response> {
  const view = requestedView(c, notice);
  return htmlPage(<RejectedPage {...(await rejectedData(c.env, view.address))} view={view} />, { status });
}

/** Takes a rejected request in, and says so beside the others, or why it is still rejected. */
async function postTake(c: ReceiverContext): Promise<Response> {
  await readForm(c.req.raw, { known: [], maxBytes: MAX_FORM_BYTES });
  const { address } = requestedView(c);
  try {
    const { seq, duplicate } = await takeIn(c.env, address.log, c.req.param("id") ?? "");
    return c.redirect(href("/rejected", address, { done: duplicate ? "known" : "taken", count: seq, kept: 0 }), 303);
  } catch (error) {
    const problem = error instanceof Error ? problemOf(error) : null;
    if (problem === null) throw error;
    return rejectedPage(c, { text: problem.message, failed: true }, problems[problem.code][0]);
  }
}

type EventAnswer = { forwarding: ForwardState; notice?: Notice; status?: number };

async function eventPage(c: ReceiverContext, { forwarding, notice, status = 200 }: EventAnswer): Promise<Response> {
  const view = requestedView(c, notice);
  const seq = Number(c.req.param("seq"));
  const shown = await shownEvent(c, view, { seq, forwarding });
  if (shown === null) throw notLogged(seq);
  return htmlPage(<EventPage {...shown} view={view} />, { status });
}

/**
 * Forwards an event and shows the target's answer at once, since it is not stored. A refused URL comes back in the
 * form. Whoever asks for this address again gets the event's page.
 */
async function postForward(c: ReceiverContext): Promise<Response> {
  const url = (await readForm(c.req.raw, { known: ["url"], maxBytes: MAX_FORM_BYTES })).get("url") ?? "";
  const log = c.req.query("log") ?? DEFAULT_LOG;
  const record = () => recordAt(c.env, log, Number(c.req.param("seq")));
  try {
    const result = await forwardEvent({ log, input: async () => ({ url }), record }, configOf(c.env));
    return eventPage(c, { forwarding: { url, result }, notice: outcomeText(result) });
  } catch (error) {
    if (!(error instanceof Problem) || error.code === "not_found") throw error;
    const [status] = problems[error.code];
    return eventPage(c, { forwarding: { url, result: null }, notice: { text: error.message, failed: true }, status });
  }
}

/** Reads the view of a body. @throws Problem `invalid_parameter` */
function bodyViewOf(text: string | undefined): BodyView | null {
  if (text === undefined || text === "pretty" || text === "raw" || text === "hex") return text ?? null;
  throw new Problem("invalid_parameter", "`view` is pretty, raw or hex.");
}

async function postClear(c: ReceiverContext): Promise<Response> {
  const { address } = requestedView(c);
  const form = await readForm(c.req.raw, { known: ["source", "confirm"], maxBytes: MAX_FORM_BYTES });
  if (form.get("confirm") !== "yes") throw new Problem("bad_request", "Check the box beside Clear to confirm.");
  const source = form.get("source");
  if (source === "") throw new Problem("invalid_input", "`source` is empty.");
  const { cleared, remainInKv } = await clearLog(c.env, address.log, source);
  return c.redirect(href("/", unfiltered(address), { done: "cleared", count: cleared, kept: remainInKv }), 303);
}

function withQuery(path: string, pairs: [string, string][]): string {
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`;
}
