import sender, {
  Courier as PlainCourier,
  Endpoint as PlainEndpoint,
  Outbox as PlainOutbox,
} from "../../../workers/sender/index.ts";
import type { Env } from "../../../workers/sender/operations/env.ts";
import { count, counted, meterMethods, meterObject, operations } from "./meter.ts";
import { countRows } from "./row-count.ts";

/** The sender's entry for `npm run bench cost`: the same Worker, which answers `/measured/operations` with its counts. */

export class Outbox extends PlainOutbox {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainOutbox>) {
    countRows(ctx.storage);
    meterObject(ctx);
    super(ctx, counted(env));
  }
}

export class Endpoint extends PlainEndpoint {
  constructor(...[ctx, env]: ConstructorParameters<typeof PlainEndpoint>) {
    countRows(ctx.storage);
    meterObject(ctx);
    super(ctx, counted(env));
  }
}

export class Courier extends PlainCourier {
  override post(...call: Parameters<PlainCourier["post"]>): ReturnType<PlainCourier["post"]> {
    count("courierCalls");
    return super.post(...call);
  }
}

meterMethods(Outbox.prototype, PlainOutbox.prototype);
meterMethods(Endpoint.prototype, PlainEndpoint.prototype);

export default {
  fetch(request, env, ctx) {
    if (request.url.endsWith("/measured/operations")) return Response.json(operations());
    count("requests");
    return sender.fetch(request, counted(env), ctx);
  },
  scheduled(controller, env) {
    count("requests");
    return sender.scheduled(controller, counted(env));
  },
} satisfies ExportedHandler<Env>;
