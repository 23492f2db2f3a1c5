import sender, { Endpoint as PlainEndpoint, Outbox as PlainOutbox } from "../../../workers/sender/index.ts";
import type { Env } from "../../../workers/sender/operations/env.ts";
import { countRows, rowsWritten } from "./row-count.ts";

/** The sender's entry for measurements: the same Worker, which also answers `/measured/rows` with the rows it wrote. */

export * from "../../../workers/sender/index.ts";

export class Outbox extends PlainOutbox {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainOutbox>) {
    countRows(ctx.storage);
    super(ctx, env);
  }
}

export class Endpoint extends PlainEndpoint {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainEndpoint>) {
    countRows(ctx.storage);
    super(ctx, env);
  }
}

export default {
  ...sender,
  fetch(request, env, ctx) {
    if (request.url.endsWith("/measured/rows")) return Response.json(rowsWritten());
    return sender.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
