import { convertV4MiniflareOptions, type LegacyWorkerOptions, Miniflare } from "miniflare";

/**
 * The process that holds the runtime of a measurement. It does nothing but read the runtime's log, at once: a runtime
 * whose log nobody reads stands still. The measuring process may block, as it does while it parses a large answer, and
 * asks the Workers only by `fetch`.
 */

/** `state`: the folder of the objects and namespaces. */
export type HostOptions = { state: string; workers: LegacyWorkerOptions[]; inspectorPort?: number };
/** `problem`: null once the Workers answer. */
export type HostReport = { problem: string | null };

process.once("message", async ({ state, ...options }: HostOptions) => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ ...options, resourcePersistencePath: state, handleStructuredLogs: passOn }),
  );
  process.once("disconnect", async () => {
    await miniflare.dispose();
    process.exit();
  });
  const problem = await miniflare.ready.then(
    () => null,
    (error: unknown) => String(error),
  );
  process.send?.({ problem } satisfies HostReport);
});

/** Prints what Workers print, except their log of each event, which would bury the numbers. */
function passOn({ message }: { message: string }): void {
  if (!message.startsWith('{"event":')) process.stderr.write(`${message}\n`);
}
