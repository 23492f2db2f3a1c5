import { Hono } from "hono";
import pageCss from "./page.css";

/** Files that pages load: served by the Worker itself, under a path that changes when their content does. */
export type Asset = { path: string; type: string; body: string };

const YEAR_SECONDS = 31_536_000;

/** @param file its name, such as `page.css`; the fingerprint goes before the ending */
export function asset(file: string, type: string, body: string): Asset {
  const [, stem, ending] = /^(.+)(\.\w+)$/.exec(file) ?? [];
  return { path: `/assets/${stem}-${fingerprint(body)}${ending}`, type, body };
}

/** What every page looks like; it needs no sign-in, since the sign-in form has it too. */
export const stylesheet = asset("page.css", "text/css; charset=utf-8", pageCss);

/**
 * Scripts that import each other as `./name.js`, each name once: a module comes after those it imports, and finds
 * them under the paths they are served at.
 */
export function modules(files: readonly (readonly [file: string, body: string])[]): Asset[] {
  const assets: Asset[] = [];
  for (const [file, body] of files) {
    const linked = assets.reduce((text, { path }) => text.replaceAll(`"./${nameOf(path)}"`, `"${path}"`), body);
    assets.push(asset(file, "text/javascript; charset=utf-8", linked));
  }
  return assets;
}

/** `GET` of each asset, kept by browsers for a year: another content has another path. */
export function serveAssets(assets: readonly Asset[]) {
  const routes = new Hono();
  for (const { path, type, body } of assets) {
    const headers = {
      "content-type": type,
      "cache-control": `public, max-age=${YEAR_SECONDS}, immutable`,
      "x-content-type-options": "nosniff",
    };
    routes.get(path, () => new Response(body, { headers }));
  }
  return routes;
}

/** The file that an asset was made of. */
function nameOf(path: string): string {
  return path.replace(/^.*\/(.+)-[0-9a-f]{8}(\.\w+)$/, "$1$2");
}

/** FNV-1a, 32 bits: tells one release's file from the next one's, and promises nothing about security. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
