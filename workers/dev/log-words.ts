/** The words for each event that the Workers log: a table from the name of the event to one line for people. */

export type LogFields = Readonly<Record<string, unknown>>;
export type Tone = "good" | "plain" | "warning" | "bad";
type Wording = readonly [Tone, string] | ((fields: LogFields) => readonly [Tone, string]);

/** `{name}` stands for the field of that name. */
export const LOG_WORDS: Readonly<Record<string, Wording>> = {
  "attempt.made": attempt,
  "attempts.made": ["good", "delivered {delivered} events to {endpoint}, from {firstSeq} to {lastSeq}"],
  "retry.scheduled": ["warning", "will try {id} at {endpoint} again at {at}"],
  "event.published": ["plain", "published {type} {id}"],
  "events.published": ["plain", "published {count} events, from {firstId} to {lastId}"],
  "event.released": ["plain", "published {id}, which was scheduled, {lateMs} ms late"],
  "event.cancelled": ["plain", "cancelled {id}, which was scheduled"],
  "publish.failed": ["bad", "could not publish: {error}"],
  "endpoint.disabled": ["bad", "disabled {endpoint}: {reason}"],
  "endpoint.held": ["warning", "{endpoint} asked to wait until {until}"],
  "endpoint.expired": ["bad", "events {from} to {to} went from the log before {endpoint} took them"],
  "endpoint.log_changed": ["warning", "{endpoint} reads a new log, from {from}"],
  "endpoint.pull_failed": ["bad", "{endpoint} could not read the log, tries again in {retryMs} ms: {error}"],
  "endpoint.replay_failed": ["bad", "{endpoint} could not go on with its replay, tries again in {retryMs} ms: {error}"],
  "endpoint.replay_ended": ["good", "the replay to {endpoint} is {state}: {sent} events sent, {lost} gone"],
  "endpoint.report_failed": ["bad", "{endpoint} could not report to the log: {error}"],
  "endpoint.alarm_failed": ["bad", "the alarm of {endpoint} failed: {error}"],
  "endpoint.room_made": ["warning", "made room in an endpoint: {bodies} bodies and {tables} tables went"],
  "courier.lost": ["bad", "a courier with {deliveries} deliveries was lost: {why}"],
  "storage.low": ["bad", "the storage is {usedPercent} % full; {behind} endpoints are behind"],
  "events.dropped": ["plain", "dropped events {from} to {to}, which are past their time"],
  "outbox.drop_failed": ["bad", "could not drop old events: {error}"],
  "outbox.alarm_failed": ["bad", "the alarm of the log failed: {error}"],
  "log.renewed": ["bad", "the log's storage was lost: it goes on after {head}"],

  "event.received": received,
  "events.received": ["good", "received {count} events, {duplicates} of them again, {firstSeq} to {lastSeq}"],
  "event.not_stored": ["bad", "could not store {id} from {source}: {error}"],
  "event.forwarded": forwarded,
  "event.damaged": ["bad", "the stored event {seq} cannot be read: {error}"],
  "webhook.refused": refused,
  "rejection.not_kept": ["bad", "could not keep a refused request from {source}: {error}"],
  "rejection.taken": ["good", "took the refused request {id} in, as number {seq} of {log}"],
  "rejection.not_noted": ["bad", "could not note that the refused request {id} was taken in: {error}"],
  "handshake.answered": ["good", "answered the handshake of {source}"],
  "segment.put": ["plain", "wrote events {firstSeq} to {lastSeq} to KV in {ms} ms, {bytes} bytes"],
  "segment.dropped": ["plain", "let go of events {firstSeq} to {lastSeq}, which KV has"],
  "segment.missed": ["warning", "KV does not show events {firstSeq} to {lastSeq} yet, miss {misses}"],
  "segment.unread": ["bad", "could not read the events from {firstSeq} on in KV: {error}"],
  "segment.hidden": ["warning", "events {firstSeq} to {lastSeq} of an earlier log stay hidden"],
  "segment.unknown": ["warning", "KV has a key that is no part of a log: {key}"],
  "flush.failed": ["bad", "could not write to KV: {error}"],
  "tail.unread": ["bad", "could not read the stored events from {firstSeq} on: {error}"],
  "log.missing": ["bad", "events {from} to {to} cannot be read"],
  "log.missing_no_more": ["good", "events {from} to {to} can be read again"],
  "log.rebuilt": ["bad", "the storage of {log} was lost: rebuilt from {segments} parts in KV, on from {firstSeq}"],
  "log.relisted": ["plain", "listed KV again and found {found} more parts"],
  "log.cleared": ["warning", "cleared {log}"],
  "log.not_cleared": ["bad", "could not clear a log: {error}"],
  "log.read_again": ["warning", "reads the log again: {error}"],
  "log.unread": ["bad", "could not read the log: {error}"],
  "reads.not_noted": ["bad", "could not note which events cannot be read: {error}"],
  "export.waits": ["warning", "an export of {log} waits for a part: {error}"],
  "export.failed": ["bad", "an export of {log} failed: {error}"],
  "viewer.incomplete": ["bad", "a page is incomplete: {error}"],
  "health.unanswered": ["bad", "{log} did not answer: {error}"],
  "counts.unavailable": ["warning", "the counts of {log} are not known: {error}"],
  "metrics.unavailable": ["bad", "the numbers of {log} are not known: {error}"],
  "stream.closed": ["plain", "a live stream ended after {ms} ms"],
  "live.closed": ["plain", "a viewer's connection was closed with code {code}; {viewers} are left"],
  "live.failed": ["bad", "live updates failed: {error}"],
  "clock.set_back": ["warning", "the clock was set back to {now}, from {lastAt}"],
  "start.failed": ["bad", "the log could not start: {error}"],
  "chore.failed": ["bad", "the chore {chore} failed: {error}"],
  "notes.not_saved": ["bad", "could not save notes: {error}"],
  "room.failed": ["bad", "could not make room: {error}"],
  "seen.dropped": ["plain", "dropped the ids of events received before {before}"],

  "alert.sent": ["good", "sent {messages} alerts in {ms} ms, {status}"],
  "alert.failed": ["bad", "could not send alerts, {status} {code}"],
  "alert.left_out": ["bad", "too many alerts at one time: {rule} of {subject} is left out"],

  "request.refused": ["warning", "refused {method} {path}: {code}"],
  "request.failed": ["bad", "{method} {path} failed: {error}"],
  "configuration.error": ["bad", "the configuration is wrong: {detail}"],
};

function attempt({ state, status, code, attempt: nth }: LogFields): readonly [Tone, string] {
  const outcome = `in {ms} ms, ${code ?? status}${nth === 1 ? "" : ", attempt {attempt}"}`;
  if (state === "delivered") return ["good", `delivered {type} {id} to {endpoint} ${outcome}`];
  if (state === "dead") return ["bad", `gave up {type} {id} for {endpoint} ${outcome}`];
  return ["warning", `did not deliver {type} {id} to {endpoint} ${outcome}`];
}

function received({ type, duplicate, id }: LogFields): readonly [Tone, string] {
  const event = `${type === null ? "an event" : "{type}"}${id === null ? "" : " {id}"} from {source}`;
  if (duplicate === true) return ["plain", `received ${event} again: it is number {seq}`];
  return ["good", `received ${event} as number {seq} in {ms} ms`];
}

function forwarded({ code, status }: LogFields): readonly [Tone, string] {
  const good = code === null && Number(status) >= 200 && Number(status) < 300;
  return [good ? "good" : "bad", `forwarded event {seq} of {log} to {host} in {ms} ms, ${code ?? status}`];
}

function refused({ source, diagnosis, unseen }: LogFields): readonly [Tone, string] {
  const from = source === null ? "a webhook of an unknown source" : "a webhook for {source}";
  const why = diagnosis === null ? "{reason}" : "{reason}: {diagnosis}";
  return ["bad", `refused ${from}, ${why}${Number(unseen) > 0 ? " ({unseen} more before it)" : ""}`];
}
