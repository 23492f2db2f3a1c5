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

type ShellProps = PropsWithChildren<{
  title: string;
  /** Styles and modules of the page, besides the stylesheet of every page; their types tell them apart. */
  files?: readonly Asset[];
  notice?: Notice | undefined;
  /** Links above the title. */
  navigation?: Child;
  /** The reader has a session, and a button to end it. */
  signedIn?: boolean;
  /** Content beside the title. */
  beside?: Child;
}>;

/** The document around a page's content. */
export function Shell({ title, files = [], notice, navigation, signedIn = false, beside, children }: ShellProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
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
          {(navigation || signedIn) && (
            <nav aria-label="Page">
              {navigation}
              {signedIn && (
                <form method="post" action="/session/end">
                  <button type="submit">Sign out</button>
                </form>
              )}
            </nav>
          )}
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
