import type { PropsWithChildren } from "hono/jsx";
import type { TypedFields } from "./form-input.ts";
import { endpointPath } from "./frame.tsx";

/** The dashboard's forms. They work without script. */

/** A form that was refused, and what was typed in it. */
export type TypedForm = { form: "endpoint" | "event"; values: TypedFields };

type FieldProps = { name: string; label: string; typed: TypedFields | undefined; hint?: string };

function Field({ name, label, typed, hint, ...attributes }: FieldProps & Record<string, unknown>) {
  return (
    <Labelled name={name} label={label} hint={hint} typed={typed}>
      <input {...control(name, hint, typed)} value={typed?.get(name) ?? ""} {...attributes} />
    </Labelled>
  );
}

/**
 * A control with its label and hint. The hint stands outside of the label, or a screen reader takes it for a part of
 * the name.
 */
function Labelled({
  name,
  label,
  hint,
  typed,
  children,
}: PropsWithChildren<Omit<FieldProps, "hint"> & { hint: string | undefined }>) {
  return (
    <div>
      <label for={`field-${name}`}>{label}</label>
      {children}
      {typed?.fault?.field === name && (
        <span class="fault" id={`${name}-fault`}>
          {typed.fault.text}
        </span>
      )}
      {hint && (
        <span class="quiet" id={`${name}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

/** Returns the attributes that tie a control to its label, its hint and the problem with it. */
function control(name: string, hint: string | undefined, typed: TypedFields | undefined) {
  const wrong = typed?.fault?.field === name;
  const described = [wrong && `${name}-fault`, hint && `${name}-hint`].filter(Boolean).join(" ");
  return {
    name,
    id: `field-${name}`,
    ...(described !== "" && { "aria-describedby": described }),
    ...(wrong && { "aria-invalid": "true" }),
  };
}

export function AddEndpointForm({ typed }: { typed: TypedFields | undefined }) {
  return (
    <details open={typed !== undefined} id="add" data-answer>
      <summary>Add an endpoint</summary>
      <form method="post" action="/dashboard/endpoints" class="fields">
        <Field name="url" label="URL" type="url" required={true} typed={typed} />
        <Field name="description" label="Description" maxlength={500} typed={typed} />
        <Field
          name="types"
          label="Event types"
          typed={typed}
          hint="Such as order.paid, order.* or order.*.paid, separated by spaces; empty: all"
        />
        <label>
          Signatures
          <select name="signing">
            {SIGNING.map(([value, text]) => (
              <option value={value} selected={typed?.get("signing") === value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label>
          <input type="checkbox" name="ordered" value="true" checked={typed?.has("ordered") ?? false} />
          In order, strictly one event after the other
        </label>
        <Field name="perSecond" label="Requests a second, at most" type="number" min={1} max={1000} typed={typed} />
        <Field name="startFrom" label="Start from" typed={typed} hint="An event id or an ISO 8601 time; empty: now" />
        <Labelled name="headers" label="Headers" hint={HEADERS_HINT} typed={typed}>
          <textarea {...control("headers", HEADERS_HINT, typed)} rows={2}>
            {typed?.get("headers") ?? ""}
          </textarea>
        </Labelled>
        <button type="submit" class="main">
          Add endpoint
        </button>
      </form>
    </details>
  );
}

const HEADERS_HINT = "One a line, as name: value";
const SIGNING = [
  ["v1", "v1: HMAC-SHA256"],
  ["v1a", "v1a: Ed25519"],
  ["both", "both"],
] as const;

export function PublishForm({ typed }: { typed: TypedFields | undefined }) {
  return (
    <details open={typed !== undefined} id="publish" data-answer>
      <summary>Publish an event</summary>
      <form method="post" action="/dashboard/events" class="fields">
        <Field name="type" label="Type" required={true} maxlength={128} placeholder="order.paid" typed={typed} />
        <Labelled name="data" label="Data, as JSON" hint={undefined} typed={typed}>
          <textarea {...control("data", undefined, typed)} class="mono" rows={5} required>
            {typed?.get("data") ?? "{}"}
          </textarea>
        </Labelled>
        <Field
          name="id"
          label="Id"
          maxlength={256}
          typed={typed}
          hint="Repeated, it is published once; empty: a new one"
        />
        <Field
          name="timestamp"
          label="Time of the event"
          typed={typed}
          hint="When it happened, such as 2026-01-31T12:00:00Z; empty: now"
        />
        <button type="submit" class="main">
          Publish event
        </button>
      </form>
    </details>
  );
}

/** A button that posts to a path below the endpoint's, with the fields that it needs. */
function Action({
  id,
  to,
  label,
  kind,
  buttonId,
  children,
}: PropsWithChildren<{ id: string; to: string; label: string; kind?: string; buttonId?: string }>) {
  return (
    <form method="post" action={`${endpointPath(id)}/${to}`}>
      {children}
      <button type="submit" class={kind} id={buttonId}>
        {label}
      </button>
    </form>
  );
}

/**
 * `fixed`: a variable defines the endpoint, so it can be neither rotated nor deleted here. `retrying`: deliveries that
 * wait for a retry, null when that is not known.
 */
type EndpointActionsProps = { id: string; enabled: boolean; fixed: boolean; retrying: number | null };

/** The buttons of an endpoint. */
export function EndpointActions({ id, enabled, fixed, retrying }: EndpointActionsProps) {
  return (
    <div class="actions">
      {enabled && <Action id={id} to="test" label="Send a test event" kind="main" />}
      {enabled ? (
        <Action id={id} to="disable" label="Disable" />
      ) : (
        <Action id={id} to="enable" label="Enable" kind="main" />
      )}
      {enabled && retrying !== 0 && (
        <Action id={id} to="send-waiting" label={`Send all waiting now${retrying === null ? "" : ` (${retrying})`}`} />
      )}
      <Action id={id} to="recover" label="Recover">
        <Choice name="hours" label="Send again what failed for good in the last" options={RECOVER} />
      </Action>
      <a class="button" href={`${endpointPath(id)}/secret`}>
        Show the secret
      </a>
      {retrying !== 0 && (
        <Action
          id={id}
          to="skip-waiting"
          label={`Skip all waiting${retrying === null ? "" : ` (${retrying})`}`}
          kind="danger"
        >
          <Confirm text="Yes, do not send them" />
        </Action>
      )}
      {!fixed && (
        <>
          <Action id={id} to="rotate" label="Rotate">
            <Choice name="expiresInSeconds" label="New secret; the old one also signs for" options={ROTATE} />
          </Action>
          <Action id={id} to="delete" label="Delete" kind="danger">
            <Confirm text="Yes, for good" />
          </Action>
        </>
      )}
    </div>
  );
}

/** A box that must be checked before the form is sent. */
export function Confirm({ text }: { text: string }) {
  return (
    <label>
      <input type="checkbox" name="confirm" value="yes" required />
      {text}
    </label>
  );
}

/** The button of a delivery. Its id lets it keep the focus when its table is refreshed. */
export function Redeliver({ id, seq, ...kind }: { id: string; seq: number; kind?: string }) {
  const to = `deliveries/${seq}/redeliver`;
  return <Action id={id} to={to} label="Redeliver" buttonId={`redeliver-${seq}`} {...kind} />;
}

type ChoiceOptions = readonly (readonly [value: number, text: string])[];

const RECOVER: ChoiceOptions = [
  [24, "24 hours"],
  [1, "hour"],
  [168, "7 days"],
  [720, "30 days"],
];
const ROTATE: ChoiceOptions = [
  [86_400, "24 hours"],
  [0, "no time"],
  [3600, "an hour"],
  [604_800, "7 days"],
];

function Choice({ name, label, options }: { name: string; label: string; options: ChoiceOptions }) {
  return (
    <label>
      {label}{" "}
      <select name={name}>
        {options.map(([value, text]) => (
          <option value={String(value)}>{text}</option>
        ))}
      </select>
    </label>
  );
}
