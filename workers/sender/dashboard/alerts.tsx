import { AlertsPanel, testNotice } from "../../../shared/alerts/panel.tsx";
import { htmlPage, type Notice } from "../../../shared/pages/page.tsx";
import { alertsOf, testAlert } from "../operations/alerts.ts";
import type { SenderContext } from "../operations/env.ts";
import { readDashboardForm } from "./form-input.ts";
import { ALERTS_PATH, DashboardFrame, type DashboardFrameProps } from "./frame.tsx";

/** The page of alerts, and the button that tries them. */

type FrameOf = (c: SenderContext, notice?: Notice) => DashboardFrameProps;

export async function alertsPage(c: SenderContext, frameOf: FrameOf, notice?: Notice): Promise<Response> {
  return htmlPage(
    <DashboardFrame title="Alerts" tab="alerts" {...frameOf(c, notice)}>
      <AlertsPanel {...(await alertsOf(c.env))} action={`${ALERTS_PATH}/test`} />
    </DashboardFrame>,
  );
}

/** Sends a test and shows the answer at once, since it is not stored. @throws Problem `alerts_off`, `too_many_tests` */
export async function postTestAlert(c: SenderContext, frameOf: FrameOf): Promise<Response> {
  await readDashboardForm(c.req.raw);
  const tested = await testAlert(c.env);
  return alertsPage(c, frameOf, testNotice(tested));
}
