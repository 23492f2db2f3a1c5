import receiver, { Inbox as PlainInbox } from "../../../workers/receiver/index.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { countRows, rowsWritten } from "./row-count.ts";

/**
 * The receiver's entry for measurements: the same Worker, which also answers `/measured/rows` with the rows it wrote,
 * and `/measured/place?seq=` with the place of an event, `tail` or `segment`.
 */

export class Inbox extends PlainInbox {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainInbox>) {
    countRows(ctx.storage);
    super(ctx, env);
  }
}

export default {
  ...receiver,
  async fetch(request, env, ctx) {
    if (!request.url.includes("/measured/")) return receiver.fetch(request, env, ctx);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/measured/rows") return Response.json(rowsWritten());
    const found = await env.INBOX.getByName("default/main").find(Number(searchParams.get("seq")));
    return Response.json(found?.in ?? null);
  },
} satisfies ExportedHandler<Env>;
