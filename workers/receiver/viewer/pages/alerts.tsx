import { AlertsPanel, type AlertsPanelProps } from "../../../../shared/alerts/panel.tsx";
import { href, unfiltered } from "../parts/address.ts";
import { type RequestedView, ViewerFrame } from "../parts/frame.tsx";

/** The page of alerts. */

type AlertsPageProps = { view: RequestedView; alerts: Omit<AlertsPanelProps, "action"> };

export function AlertsPage({ view, alerts }: AlertsPageProps) {
  return (
    <ViewerFrame title="Alerts" tab="alerts" view={view}>
      <AlertsPanel {...alerts} action={href("/alerting/test", unfiltered(view.address))} />
    </ViewerFrame>
  );
}
