import { Foreign, Time } from "../../../../shared/pages/parts.tsx";
import { visible } from "../../../../shared/pages/visible.ts";
import { bodyBytes, type EventRecord } from "../../event/record.ts";
import { targetText } from "../../event/request-line.ts";
import { href, unfiltered, type ViewAddress } from "../parts/address.ts";
import { VerificationBadge } from "../parts/badges.tsx";
import { type RequestedView, ViewerFrame } from "../parts/frame.tsx";
import { type Json, readJsonText } from "../parts/json.ts";
import { bytesText } from "../parts/text.ts";
import { headerPairs, jsonDifference, jsonPath, type Parted, partedTexts } from "./difference.ts";

/** The page that shows two events beside each other, with each difference marked. */

/** Bytes of a body that is compared; longer ones would make the page slow. */
const MAX_COMPARED_BYTES = 64 * 1024;

type ComparePageProps = { view: RequestedView; before: EventRecord; after: EventRecord };

/** `GET /compare`: the older event first. */
export function ComparePage({ view, before, after }: ComparePageProps) {
  const { address } = view;
  return (
    <ViewerFrame title="Two events" tab="events" view={view}>
      <nav class="pages" aria-label="Events">
        <a rel="up" href={href("/", address)}>
          ← All events
        </a>
      </nav>
      <p class="quiet">
        <span aria-hidden="true">≠</span> stands before each difference.
      </p>
      <FactTable {...{ address, before, after }} />
      <h2>Body</h2>
      <BodyDifference before={before} after={after} />
      <h2>Headers</h2>
      <HeaderTable before={before} after={after} />
    </ViewerFrame>
  );
}

type Both = { before: EventRecord; after: EventRecord };

function FactTable({ address, before, after }: Both & { address: ViewAddress }) {
  const line = (record: EventRecord) => `${record.method ?? ""} ${targetText(record)}`.trim() || "not kept";
  return (
    <table class="compare">
      <caption class="unseen">Facts of both events</caption>
      <CompareHead first="Fact" before={before} after={after} address={address} />
      <tbody>
        <TextRow name="Type" before={before.type ?? "none"} after={after.type ?? "none"} />
        <TextRow name="Id" before={before.id ?? "none"} after={after.id ?? "none"} />
        <TextRow name="Source" before={before.source} after={after.source} />
        <TextRow name="Request" before={line(before)} after={line(after)} />
        <TextRow name="Size" before={bytesText(before.bytes)} after={bytesText(after.bytes)} />
        <tr>
          <th scope="row">Verification</th>
          {[before, after].map(({ seq, verification }) => (
            <td data-label={`Event ${seq}`}>
              <VerificationBadge verification={verification} />
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">Received</th>
          {[before, after].map(({ seq, receivedAt }) => (
            <td data-label={`Event ${seq}`}>
              <Time at={receivedAt} exact={true} />
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

function CompareHead({ first, before, after, address }: Both & { first: string; address?: ViewAddress }) {
  return (
    <thead>
      <tr>
        <th scope="col">{first}</th>
        {[before, after].map(({ seq }) => (
          <th scope="col">
            {address === undefined ? `Event ${seq}` : <a href={href(`/e/${seq}`, unfiltered(address))}>Event {seq}</a>}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** A row of two texts; null where an event has none. The part that differs is marked. */
function TextRow({ name, before, after }: { name: string; before: string | null; after: string | null }) {
  const [old, fresh] = before === null || after === null ? [before, after] : partedTexts(before, after);
  const isSame = before === after;
  return (
    <tr class={isSame ? undefined : "differs"}>
      <th scope="row">
        {!isSame && (
          <>
            <span aria-hidden="true">≠ </span>
            <span class="unseen">differs: </span>
          </>
        )}
        <Foreign text={name} />
      </th>
      {[old ?? null, fresh ?? null].map((text, index) => (
        <td data-label={index === 0 ? "Older" : "Newer"} class="mono">
          {text === null ? <span class="quiet">none</span> : <PartedText text={text} />}
        </td>
      ))}
    </tr>
  );
}

function PartedText({ text }: { text: string | Parted }) {
  if (typeof text === "string") {
    return (
      <bdi>
        <mark>{visible(text)}</mark>
      </bdi>
    );
  }
  return (
    <bdi>
      {visible(text.start)}
      {text.middle !== "" && <mark>{visible(text.middle)}</mark>}
      {visible(text.end)}
    </bdi>
  );
}

function BodyDifference({ before, after }: Both) {
  if (before.body === after.body && before.encoding === after.encoding) return <p>The same, byte for byte.</p>;
  const bytes = [before, after].map(bodyBytes);
  if (bytes.some(({ byteLength }) => byteLength > MAX_COMPARED_BYTES)) {
    return <p>Different, and too long to be compared here: at most {bytesText(MAX_COMPARED_BYTES)} are.</p>;
  }
  if (before.encoding !== undefined || after.encoding !== undefined) return <p>Different, and not both text.</p>;
  const [old, fresh] = [readJsonText(before.body), readJsonText(after.body)];
  if (isJson(old) && isJson(fresh)) return <JsonTable {...{ before, after, old, fresh }} />;
  return (
    <table class="compare">
      <caption class="unseen">Both bodies as text</caption>
      <CompareHead first="" before={before} after={after} />
      <tbody>
        <TextRow name="Text" before={before.body} after={after.body} />
      </tbody>
    </table>
  );
}

function isJson(json: Json | "long" | null): json is Json {
  return json !== null && json !== "long";
}

function JsonTable({ before, after, old, fresh }: Both & { old: Json; fresh: Json }) {
  const { changes, same } = jsonDifference(old, fresh);
  const rest = `${same.toLocaleString("en")} ${same === 1 ? "value is" : "values are"} the same.`;
  if (changes.length === 0) return <p>The same values, written differently. {rest}</p>;
  return (
    <table class="compare">
      <caption>{rest}</caption>
      <CompareHead first="Path" before={before} after={after} />
      <tbody>
        {changes.map((change) => (
          <TextRow name={jsonPath(change.steps)} before={change.before} after={change.after} />
        ))}
      </tbody>
    </table>
  );
}

function HeaderTable({ before, after }: Both) {
  const pairs = headerPairs(before.headers, after.headers);
  const [same, different] = [true, false].map((wanted) =>
    pairs.filter((pair) => (pair.before === pair.after) === wanted),
  );
  return (
    <table class="compare">
      <caption class="unseen">Headers of both events, those that differ first</caption>
      <CompareHead first="Header" before={before} after={after} />
      <tbody>
        {[...(different ?? []), ...(same ?? [])].map((pair) => (
          <TextRow name={pair.name} before={pair.before} after={pair.after} />
        ))}
      </tbody>
    </table>
  );
}
