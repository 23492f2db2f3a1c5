import receiver, { Inbox as PlainInbox } from "../../../workers/receiver/index.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { count, counted, meterMethods, meterObject, operations } from "./meter.ts";
import { countRows } from "./row-count.ts";

/** The receiver's entry for `npm run bench cost`: the same Worker, which answers `/measured/operations` with its counts. */

export class Inbox extends PlainInbox {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainInbox>) {
    countRows(ctx.storage);
    meterObject(ctx);
    super(ctx, counted(env));
  }
}

meterMethods(Inbox.prototype, PlainInbox.prototype);

export default {
  fetch(request, env, ctx) {
    if (request.url.endsWith("/measured/operations")) return Response.json(operations());
    count("requests");
    return receiver.fetch(request, counted(env), ctx);
  },
} satisfies ExportedHandler<Env>;
