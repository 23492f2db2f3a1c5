import { Hono } from "hono/tiny";
import copy from "./client/copy.js";
import forms from "./client/forms.js";
import localTime from "./client/local-time.js";
import notice from "./client/notice.js";
import signIn from "./client/sign-in.js";
import pageCss from "./page.css";

/** Files that pages load. The Worker serves them itself, under paths that change when their content does. */

export type Asset = { path: string; type: string; body: string };

const YEAR_SECONDS = 31_536_000;

/** Returns an asset. @param file its name, such as `page.css`; a fingerprint of the content goes before the ending */
export function asset(file: string, type: string, body: string): Asset {
  const [, stem, ending] = /^(.+)(\.\w+)$/.exec(file) ?? [];
  return { path: `/assets/${stem}-${fingerprint(body)}${ending}`, type, body };
}

/** The stylesheet of every page, also of the sign-in form, so it is served to anyone. */
export const stylesheet = asset("page.css", "text/css; charset=utf-8", pageCss);

/** The scripts of the pages of both Workers, each after those it imports. */
export const pageScripts = [
  ["notice.js", notice],
  ["forms.js", forms],
  ["copy.js", copy],
  ["local-time.js", localTime],
] as const;

/**
 * Returns scripts that import each other by their relative paths. Each comes after those it imports, whose names become
 * the paths they are served at.
 */
export function modules(files: readonly (readonly [file: string, body: string])[]): Asset[] {
  const assets: Asset[] = [];
  for (const [file, body] of files) {
    const linked = assets.reduce((text, { path }) => text.replace(importOf(fileOf(path)), `"${path}"`), body);
    assets.push(asset(file, "text/javascript; charset=utf-8", linked));
  }
  return assets;
}

/** Serves each asset by `GET`. Browsers keep it for a year: other content has another path. */
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

/** Returns the name of the file that an asset's path was made from. */
function fileOf(path: string): string {
  return path.replace(/^.*\/(.+)-[0-9a-f]{8}(\.\w+)$/, "$1$2");
}

/** Matches the relative path that a script imports a file by. */
function importOf(file: string): RegExp {
  return new RegExp(`"\\.{1,2}/(?:[\\w./-]*/)?${file.replaceAll(".", "\\.")}"`, "g");
}

/** FNV-1a, 32 bits: tells one release's file from the next one's. It is no protection against anyone. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** The script of the sign-in form, which imports two of the scripts of every page. */
export const signInScripts = modules([...pageScripts, ["sign-in.js", signIn]]).slice(-1);
