import type { PropsWithChildren } from "hono/jsx";

/** The HTML shell of both Workers' pages: no script, no style from elsewhere, nothing inline that could run. */

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid #8885; border-radius: .4rem; }
dt { margin-top: 1rem; }
dd { margin: 0; }
`;

/** The document around a page's content. */
export function Shell({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <style>{STYLE}</style>
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

/** A heading, a paragraph (the children), and lines to paste, each with what it does. */
export function Page({
  title,
  lines,
  children,
}: PropsWithChildren<{ title: string; lines: (readonly [string, string])[] }>) {
  return (
    <Shell title={title}>
      <p>{children}</p>
      <dl>
        {lines.map(([what, line]) => (
          <>
            <dt>{what}</dt>
            <dd>
              <pre>{line}</pre>
            </dd>
          </>
        ))}
      </dl>
    </Shell>
  );
}

/** A page with the headers that keep it from running or embedding anything. */
export async function htmlPage(page: unknown): Promise<Response> {
  return new Response(`<!doctype html>${await Promise.resolve(page).then(String)}`, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": `default-src 'none'; style-src '${await styleHash()}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
  });
}

/** Content Security Policy Level 3, section 2.3.1: the one inline style is allowed by its hash. */
async function styleHash(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(STYLE));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}
