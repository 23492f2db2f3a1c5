import { inspectRoutes } from "hono/dev";
import type { Setting } from "../../shared/config.ts";

/** The routes and the settings of both Workers, from their own tables. */

export type Worker = "sender" | "receiver";
export type Route = { method: string; path: string };

/** Loads a Worker's app and returns its routes, without middleware. */
export async function routesOf(worker: Worker): Promise<Route[]> {
  lendFromHex();
  const routes =
    worker === "sender"
      ? inspectRoutes((await import("../../workers/sender/app.ts")).app)
      : inspectRoutes((await import("../../workers/receiver/app.ts")).app);
  return routes
    .filter(({ isMiddleware, path }) => !isMiddleware && !path.endsWith("*"))
    .map(({ method, path }) => ({ method, path: path.replace(/\{(?:[^{}]|\{[^{}]*\})*\}/g, "") }));
}

/** Loads a Worker's table of settings. */
export async function settingsOf(worker: Worker): Promise<Record<string, Setting<unknown>>> {
  lendFromHex();
  return worker === "sender"
    ? (await import("../../workers/sender/config.ts")).SENDER_SETTINGS
    : (await import("../../workers/receiver/config.ts")).RECEIVER_SETTINGS;
}

/** Gives Node a method of workerd that modules call when they load. */
function lendFromHex(): void {
  const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));
  if (!("fromHex" in Uint8Array)) Object.assign(Uint8Array, { fromHex });
}

/** Tells if `route` answers a path, whose own parameters may be written as `:name` or `<name>`. */
export function answers(route: Route, method: string | null, path: string): boolean {
  if (method !== null && route.method !== "ALL" && route.method !== method) return false;
  const [wanted, given] = [route.path, path].map((each) => each.split("/"));
  return (
    wanted?.length === given?.length &&
    (wanted ?? []).every((part, index) => part.startsWith(":") || part === given?.[index])
  );
}

/** Reads a route as a README writes it: `GET, POST /trigger?type=`, or a path alone. */
export function routesIn(span: string): { method: string | null; path: string }[] {
  const [, methods, path] =
    /^(?:((?:GET|POST|PUT|PATCH|DELETE)(?:, (?:GET|POST|PUT|PATCH|DELETE))*) )?(\/[^\s?#]*)/.exec(span) ?? [];
  if (path === undefined) return [];
  return (methods?.split(", ") ?? [null]).map((method) => ({ method, path }));
}
