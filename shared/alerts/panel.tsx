import type { Notice } from "../pages/page.tsx";
import { Foreign, Time } from "../pages/parts.tsx";
import { visible } from "../pages/visible.ts";
import type { presentCondition } from "./message.ts";
import type { presentTest } from "./test.ts";

/** The alerts on a page of either Worker: the rules, what holds now, the last alert, and a button that sends a test. */

/** `log`: the log that a condition is of, where a Worker has several. */
export type AlertsPanelProps = {
  enabled: boolean;
  format: string;
  rules: Readonly<Record<string, number | undefined>>;
  conditions: readonly (ReturnType<typeof presentCondition> & { log?: string })[];
  lastSent: { at: string; status: number; code: string | null } | null;
  /** Address that the test is posted to. */
  action: string;
};

/** Characters of an answer that a notice shows. */
const SHOWN_ANSWER = 200;

export function AlertsPanel({ enabled, format, rules, conditions, lastSent, action }: AlertsPanelProps) {
  if (!enabled) {
    return (
      <p>
        Nobody is told of anything yet. Set the variable <code>ALERT_URL</code> to a webhook of a chat, or to a server
        that takes signed events.
      </p>
    );
  }
  const named = Object.entries(rules).map(([rule, number]) => (number ? `${rule} ${number}` : rule));
  return (
    <>
      <dl class="facts">
        <dt>Format</dt>
        <dd>{format}</dd>
        <dt>Rules</dt>
        <dd>{named.length === 0 ? "none" : named.join(", ")}</dd>
        <dt>Last alert</dt>
        <dd>
          {lastSent === null ? (
            "none since the start"
          ) : (
            <>
              <Time at={lastSent.at} />: {lastSent.status === 0 ? lastSent.code : `status ${lastSent.status}`}
            </>
          )}
        </dd>
      </dl>
      <form method="post" action={action} class="actions">
        <button type="submit" class="main">
          Send a test alert
        </button>
      </form>
      <h2>Conditions</h2>
      {conditions.length === 0 ? (
        <p>None holds.</p>
      ) : (
        <ul>
          {conditions.map(({ rule, since, text, log }) => (
            <li>
              <Foreign text={text} />
              <div class="quiet">
                {rule}
                {log !== undefined && `, log ${log}`}, since <Time at={since} />
              </div>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Returns what the target of a test answered, in words. */
export function testNotice({ taken, status, code, ms, response }: ReturnType<typeof presentTest>): Notice {
  const answer = response === null || response === "" ? "" : `: ${visible(response.slice(0, SHOWN_ANSWER))}`;
  if (status === 0) return { text: `The test was not answered: ${code}, after ${ms} ms${answer}`, failed: true };
  return { text: `The test was answered with status ${status} after ${ms} ms${answer}`, failed: !taken };
}
