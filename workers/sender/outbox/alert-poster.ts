import type { AlertSent } from "../../../shared/alerts/alerts.ts";
import type { AlertMessage } from "../../../shared/alerts/message.ts";
import { withDeadline } from "../../../shared/deadline.ts";
import { splitSecrets } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import { eventBody } from "../model/event.ts";
import type { CourierExports, Destination, Ended } from "../protocol.ts";

/** Posts alerts with a courier, which checks the address as it does for an endpoint, and signs. */

const ALERT_TIMEOUT_MS = 10_000;
/** The courier looks the host up first, for up to 5 s. One that says nothing longer is lost. */
const ALERT_SILENT_MS = 20_000;

/** Makes the POSTs of one turn at the same time; returns the end of each. */
export async function postAlerts(
  ctx: DurableObjectState,
  { alerts, webhookSecret }: Pick<Config, "alerts" | "webhookSecret">,
  messages: readonly AlertMessage[],
  now: number,
): Promise<AlertSent[]> {
  const parcels = messages.map(({ id, type, data }, seq) => ({
    seq,
    id,
    body: eventBody(type, now, JSON.stringify(data)),
  }));
  const ends = new Map<number, AlertSent>();
  const end = (ended: Ended[]) => {
    for (const { seq, ending } of ended) ends.set(seq, ending);
  };
  const { Courier } = ctx.exports as unknown as CourierExports;
  const posted = Courier.post(alertDestination(alerts, webhookSecret), parcels, end);
  // Those that ended before stand: an alert that was taken is not sent again.
  end(await withDeadline(posted, ALERT_TIMEOUT_MS + ALERT_SILENT_MS).catch(() => []));
  return parcels.map(({ seq }) => ends.get(seq) ?? { status: 0, code: "courier_lost", ms: 0, response: null });
}

/** A chat takes its own form of a body, and cannot verify a signature: only an event is signed. */
function alertDestination({ url, format }: Config["alerts"], webhookSecret: string): Destination {
  const isEvent = format === "standard";
  return {
    url: url ?? "",
    headers: {},
    secrets: isEvent ? splitSecrets("WEBHOOK_SECRET", webhookSecret).map((key) => ({ key, expiresAt: null })) : [],
    signing: ["v1"],
    timeoutMs: ALERT_TIMEOUT_MS,
    payload: isEvent ? "standard" : "data",
    signatureHeaders: null,
  };
}
