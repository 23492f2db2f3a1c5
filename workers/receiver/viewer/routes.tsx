import { Hono } from "hono";
import { requireSignIn } from "../../../shared/auth/sign-in.tsx";
import type { Guarded } from "../../../shared/auth/token.ts";
import { readForm } from "../../../shared/http/body.ts";
import { cursorOf } from "../../../shared/http/parameters.ts";
import { Problem, problems } from "../../../shared/http/problem.ts";
import { htmlPage, type Message } from "../../../shared/pages/page.tsx";
import { configOf } from "../config.ts";
import { forwardEvent } from "../forward/send.ts";
import type { Env } from "../log/logs.ts";
import { notLogged, recordAt } from "../log/read.ts";
import { DEFAULT_LOG } from "../verify/source.ts";
import { waysOf } from "./connect/ways.ts";
import { type Cursor, clearLog, detailData, listData, rejectedData } from "./data.ts";
import { Connect, Empty } from "./pages/connect.tsx";
import { Detail } from "./pages/event.tsx";
import { List } from "./pages/list.tsx";
import { Rejected } from "./pages/rejected.tsx";
import { address, whole } from "./parts/address.ts";
import type { BodyView } from "./parts/body.tsx";
import { type Forwarding, outcomeText } from "./parts/forward.tsx";
import type { View } from "./parts/frame.tsx";
import { answerPage, type C, viewOf } from "./view.tsx";

const MAX_FORM_BYTES = 16 * 1024;
const SEQ = "/e/:seq{[1-9][0-9]{0,14}}";

/** The paths of what only shows something. */
export const PAGES = /^\/(e\/.*|rejected|connect)?$/;

/** The pages, for whoever has signed in. */
export function viewer(guarded: Guarded) {
  const signedIn = requireSignIn(guarded);
  return new Hono<{ Bindings: Env }>()
    .onError(answerPage)
    .use("/", signedIn)
    .use("/e/*", signedIn)
    .use("/rejected", signedIn)
    .use("/connect", signedIn)
    .use("/clear", signedIn)
    .get("/", listPage)
    .get("/connect", connectPage)
    .get("/rejected", rejectedPage)
    .get(SEQ, (c) => detailPage(c, { forwarding: { url: "", result: null } }))
    .post(`${SEQ}/forward`, forward)
    .get(`${SEQ}/forward`, (c) => c.redirect(`/e/${c.req.param("seq")}${new URL(c.req.url).search}`, 303))
    .post("/clear", clear);
}

async function listPage(c: C): Promise<Response> {
  const { searchParams } = new URL(c.req.url);
  // A form sends its empty fields too; what is set should be all that stands in the address.
  const given = [...searchParams].filter(([, value]) => value !== "");
  if (given.length < searchParams.size) return c.redirect(withQuery("/", given), 303);
  const view = viewOf(c);
  const cursor = cursorIn(searchParams);
  const now = Date.now();
  const data = await listData(c.env, configOf(c.env), view.place, cursor);
  const empty = <Empty ways={data.events.length === 0 ? await waysFor(c, view) : []} view={view} />;
  return htmlPage(<List {...data} view={view} now={now} empty={empty} />);
}

/** @throws Problem `invalid_cursor` */
function cursorIn(parameters: URLSearchParams): Cursor {
  const [before, after] = [parameters.get("before"), parameters.get("after")];
  if (after !== null && before === null) return { order: "after", seq: cursorOf(after) };
  return { order: "before", seq: cursorOf(before) };
}

async function connectPage(c: C): Promise<Response> {
  const view = viewOf(c);
  return htmlPage(<Connect ways={await waysFor(c, view)} view={view} />);
}

function waysFor(c: C, { origin, place }: View) {
  const sources = [...configOf(c.env).sources.values()].filter(({ log }) => log === place.log);
  const { source } = place.filter;
  const wanted = source === null ? sources : sources.filter(({ name }) => name === source);
  return waysOf(wanted, { origin, now: Date.now(), id: `msg_${crypto.randomUUID().replaceAll("-", "")}` });
}

async function rejectedPage(c: C): Promise<Response> {
  const view = viewOf(c);
  return htmlPage(<Rejected {...(await rejectedData(c.env, view.place))} view={view} />);
}

type DetailAnswer = { forwarding: Forwarding; message?: Message; status?: number };

async function detailPage(c: C, { forwarding, message, status = 200 }: DetailAnswer): Promise<Response> {
  const view = viewOf(c, message);
  const seq = Number(c.req.param("seq"));
  const data = await detailData(c.env, view.place, seq);
  if (data === null) throw notLogged(seq);
  const scheme = configOf(c.env).sources.get(data.record.source)?.schemeName ?? null;
  const chosen = bodyView(c.req.query("view"));
  return htmlPage(<Detail {...{ ...data, view, scheme, forwarding }} bodyView={chosen} />, { status });
}

/**
 * What was refused comes back with what was typed. The target's answer is kept nowhere, so it is shown at once; whoever
 * asks for that address again gets the event.
 */
async function forward(c: C): Promise<Response> {
  const url = (await readForm(c.req.raw, MAX_FORM_BYTES)).get("url") ?? "";
  const log = c.req.query("log") ?? DEFAULT_LOG;
  const record = () => recordAt(c.env, log, Number(c.req.param("seq")));
  try {
    const result = await forwardEvent({ log, input: async () => ({ url }), record }, configOf(c.env));
    return detailPage(c, { forwarding: { url, result }, message: outcomeText(result) });
  } catch (error) {
    if (!(error instanceof Problem) || error.code === "not_found") throw error;
    const [status] = problems[error.code];
    return detailPage(c, { forwarding: { url, result: null }, message: { text: error.message, failed: true }, status });
  }
}

/** @throws Problem `invalid_parameter` */
function bodyView(text: string | undefined): BodyView | null {
  if (text === undefined || text === "pretty" || text === "raw" || text === "hex") return text ?? null;
  throw new Problem("invalid_parameter", "`view` is pretty, raw or hex.");
}

async function clear(c: C): Promise<Response> {
  const { place } = viewOf(c);
  const form = await readForm(c.req.raw, MAX_FORM_BYTES);
  if (form.get("confirm") !== "yes") {
    throw new Problem("bad_request", "Say that it is meant: check the box beside Clear.");
  }
  const { cleared, remainInKv } = await clearLog(c.env, place.log, form.get("source"));
  return c.redirect(address("/", whole(place), { done: "cleared", count: cleared, kept: remainInKv }), 303);
}

function withQuery(path: string, pairs: [string, string][]): string {
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`;
}
