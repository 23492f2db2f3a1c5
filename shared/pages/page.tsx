import type { Context } from "hono";
import type { Child, PropsWithChildren } from "hono/jsx";
import { answerError } from "../http/answers.ts";
import { Problem, problemOf, problems } from "../http/problem.ts";
import { type Asset, stylesheet } from "./assets.ts";

/**
 * The HTML document around every page of both Workers, and the answers that carry one. Nothing comes from elsewhere,
 * and nothing inline can run.
 */

const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
].join("; ");

/** A message about what was just done or refused; a screen reader reads it out when it appears. */
export type Notice = { text: string; failed: boolean };

/** A Worker whose page it is, and the address of the other Worker's pages; empty when it is not known. */
type Place = { worker: "sender" | "receiver"; other: string };

/** A link to one of the Worker's pages; `current` is the one that the reader is on, or that it belongs to. */
type Tab = { href: string; text: string; current: boolean };

type ShellProps = PropsWithChildren<{
  title: string;
  /** Name of the thing on the page, for the browser's tab; by default the title. */
  name?: string;
  place: Place;
  tabs?: readonly Tab[];
  /** Styles and modules of the page, besides the stylesheet of every page; their types tell them apart. */
  files?: readonly Asset[];
  notice?: Notice | undefined;
  /** Content of the header beside the tabs. */
  navigation?: Child;
  /** The reader has a session, and a button to end it. */
  signedIn?: boolean;
  /** Content beside the title. */
  beside?: Child;
}>;

/** The document around a page's content. */
export function Shell(props: ShellProps) {
  const { title, name = title, place, files = [], notice, beside, children } = props;
  const home = `Webhook ${place.worker}`;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{name === home ? home : `${name} · ${home}`}</title>
        <link rel="icon" href={iconOf(place.worker)} />
        <link rel="stylesheet" href={stylesheet.path} />
        {files.map(({ path, type }) =>
          type.startsWith("text/css") ? <link rel="stylesheet" href={path} /> : <script type="module" src={path} />,
        )}
      </head>
      <body>
        <div id="message" role="status">
          {notice && <p class={notice.failed ? "message failed" : "message"}>{notice.text}</p>}
        </div>
        <div id="page">
          <Header {...props} />
          <main>
            {beside === undefined ? (
              <h1>{title}</h1>
            ) : (
              <div class="title">
                <h1>{title}</h1>
                {beside}
              </div>
            )}
            {children}
          </main>
        </div>
      </body>
    </html>
  );
}

/** The header of every page: both Workers, the pages of this one, and the end of the session. */
function Header({ place: { worker, other }, tabs = [], navigation, signedIn = false }: ShellProps) {
  return (
    <header class="bar">
      <nav aria-label="Workers">
        <ul class="workers">
          {WORKERS.filter((each) => each === worker || other !== "").map((each) => (
            <li>
              <a href={each === worker ? "/" : other} aria-current={each === worker ? "true" : undefined}>
                {each === "sender" ? "Sender" : "Receiver"}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {(tabs.length > 0 || navigation) && (
        <nav aria-label="Page">
          <ul class="tabs">
            {tabs.map(({ href, text, current }) => (
              <li>
                <a href={href} aria-current={current ? "page" : undefined}>
                  {text}
                </a>
              </li>
            ))}
          </ul>
          {navigation}
        </nav>
      )}
      {signedIn && (
        <form method="post" action="/session/end">
          <button type="submit">Sign out</button>
        </form>
      )}
    </header>
  );
}

const WORKERS = ["sender", "receiver"] as const;

/** Returns the icon of a Worker's pages: an arrow that leaves, or one that arrives. */
function iconOf(worker: Place["worker"]): string {
  const arrow = worker === "sender" ? "M9 23 23 9M12 9h11v11" : "M23 9 9 23M9 12v11h11";
  const square = `<rect width="32" height="32" rx="7" fill="${worker === "sender" ? "#0b57d0" : "#116b35"}"/>`;
  const path = `<path d="${arrow}" fill="none" stroke="#fff" stroke-width="4"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${square}${path}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Answers a page, with the headers that keep it from running or embedding anything, and from being stored. */
export async function htmlPage(
  page: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Promise<Response> {
  return new Response(`<!doctype html>${await Promise.resolve(page).then(String)}`, {
    status,
    headers: {
      ...headers,
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      // `no-referrer` would make browsers send `Origin: null` with our own forms: Fetch, "append a request Origin".
      "referrer-policy": "same-origin",
    },
  });
}

/** Answers a Problem with the page that `pageOf` makes of it, if the client reads pages; else like the API. */
export function answerErrorPage(
  raw: Error,
  c: Context,
  pageOf: (title: string, notice: Notice) => unknown,
): Response | Promise<Response> {
  const error = problemOf(raw) ?? raw;
  const answer = answerError(error, c);
  if (!c.req.header("accept")?.includes("text/html") || !(error instanceof Problem)) return answer;
  const [status, title] = problems[error.code];
  return htmlPage(pageOf(title, { text: error.message, failed: true }), { status, headers: error.headers });
}
