import { readMembers } from "../../../shared/http/body.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { configOf } from "../config.ts";
import { createApp, logOf, type ReceiverContext, readLog } from "../log/logs.ts";
import { takeIn } from "../receive/take.ts";
import type { ListedRejection } from "../rejected/rejections.ts";

/** Routes of `/rejections`: why webhooks were not accepted, and taking one in once the cause is mended. */

export const rejectionRoutes = createApp()
  .get("/", takes("source", "log"), listRejections)
  .get("/count", takes("log"), async (c) =>
    c.json(await readLog(c.env, c.req.query("log") ?? null, ({ inbox }) => inbox.rejectionCount())),
  )
  .post("/:id{rej_[0-9a-f]{32}}/take", takes("log"), async (c) => {
    await readMembers(c.req.raw, [], "invalid_input");
    return c.json(await takeIn(c.env, c.req.query("log") ?? null, c.req.param("id")));
  });

/** The newest rejected requests, the last 100 of each source, and how many there were in all. A source's are in its log. */
async function listRejections(c: ReceiverContext): Promise<Response> {
  const source = c.req.query("source") ?? null;
  const log = logOf(configOf(c.env), c.req.query("log") ?? null, source);
  const { kept, counts } = await readLog(c.env, log, ({ inbox }) => inbox.rejections(source));
  return c.json({ rejections: (kept as ListedRejection[]).map(withIsoTimes), counts });
}

function withIsoTimes({ at, takeableUntil, ...rejection }: ListedRejection) {
  const until = takeableUntil === null ? null : new Date(takeableUntil).toISOString();
  return { at: new Date(at).toISOString(), ...rejection, takeableUntil: until };
}
