import type { Child, PropsWithChildren } from "hono/jsx";
import { type Asset, stylesheet } from "./assets.ts";

/** The HTML shell of both Workers' pages: no style or script from elsewhere, and nothing inline that could run. */

const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
].join("; ");

/** A message about what was just done, read out when it appears. */
export type Message = { text: string; failed: boolean };

type ShellProps = PropsWithChildren<{
  title: string;
  /** More files of the page: styles and modules, told apart by their type. */
  files?: readonly Asset[];
  message?: Message | undefined;
  /** What stands above the title: links, the sign-out button. */
  navigation?: Child;
  /** What stands beside the title. */
  beside?: Child;
}>;

/** The document around a page's content. */
export function Shell({ title, files = [], message, navigation, beside, children }: ShellProps) {
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
          {message && <p class={message.failed ? "message failed" : "message"}>{message.text}</p>}
        </div>
        <div id="page">
          {navigation && <nav aria-label="Page">{navigation}</nav>}
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

/** A page with the headers that keep it from running or embedding anything, and from being kept. */
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
