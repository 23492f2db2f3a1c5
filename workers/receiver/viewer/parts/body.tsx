import type { Child, PropsWithChildren } from "hono/jsx";
import { fromUtf8 } from "../../../../shared/bytes.ts";
import { marked } from "../../../../shared/pages/marked.ts";
import { type Json, readJsonText } from "./json.ts";
import { jsonLines } from "./json-lines.ts";

/** A body to read: laid out as JSON, as text, or as bytes. The page only ever shows it as text. */

export type BodyView = "pretty" | "raw" | "hex";

/** Bytes shown. A longer body is cut, with a notice: the page stays fast, and the download has all of it. */
export const MAX_TEXT_BYTES = 64 * 1024;
export const MAX_HEX_BYTES = 16 * 1024;

const BODY_VIEWS: readonly (readonly [BodyView, string])[] = [
  ["pretty", "Pretty"],
  ["raw", "Text"],
  ["hex", "Hex"],
];

type BodyProps = {
  bytes: Uint8Array;
  /** The reader's choice; null: the one that suits the body best. */
  chosen: BodyView | null;
  addressOf(view: BodyView): string;
  /** Address of the exact bytes, from which the script lays out a long body. */
  url: string;
  /** The searched text to mark, or null. */
  mark: RegExp | null;
};

export function Body({ bytes, chosen, addressOf, url, mark }: BodyProps) {
  if (bytes.byteLength === 0) return <p>The body is empty.</p>;
  const text = fromUtf8(bytes);
  const json = text === null ? null : layoutOf(text, bytes);
  // A body with a NUL is not text, even if its bytes are UTF-8.
  const view = chosen ?? (json !== null ? "pretty" : text?.includes("\0") === false ? "raw" : "hex");
  return (
    <>
      <ul class="tabs" aria-label="Ways to read the body">
        {BODY_VIEWS.map(([name, label]) => (
          <li>
            <a href={addressOf(name)} aria-current={name === view ? "true" : undefined}>
              {label}
            </a>
          </li>
        ))}
      </ul>
      {view === "hex" ? (
        <BodyHex bytes={bytes} />
      ) : view === "pretty" && json !== null ? (
        <BodyJson {...{ json, url, mark }} text={<BodyText {...{ bytes, text, mark }} />} />
      ) : (
        <>
          {view === "pretty" && <p class="quiet">{text === null ? "Not UTF-8, so not JSON." : "Not JSON."}</p>}
          <BodyText {...{ bytes, text, mark }} />
        </>
      )}
    </>
  );
}

/** Returns a text as JSON, "long" for one that may be JSON and is left to the script, or null. */
function layoutOf(text: string, bytes: Uint8Array): Json | "long" | null {
  if (bytes.byteLength <= MAX_TEXT_BYTES) return readJsonText(text);
  return /^[ \t\r\n]*[[{]/.test(text) ? "long" : null;
}

/** JSON with its tools, which the script shows. `text` stands in the place of a long one until the script has laid it out. */
function BodyJson({ json, url, mark, text }: { json: Json | "long"; text: Child } & Pick<BodyProps, "url" | "mark">) {
  const isLong = json === "long";
  return (
    <>
      <div class="actions">
        {(["open", "closed"] as const).map((fold) => (
          <button type="button" data-fold={fold} hidden>
            {fold === "open" ? "Expand all" : "Collapse all"}
          </button>
        ))}
        <span class="quiet" id="laid-out" role="status">
          {isLong && "Long JSON, shown as text until the script has laid it out."}
        </span>
      </div>
      <div class="picking" id="picked" hidden>
        <output class="mono">Click a value, or reach it with the arrow keys, to copy it.</output>
        <button type="button" data-pick="value">
          Copy value
        </button>
        <button type="button" data-pick="path">
          Copy path
        </button>
      </div>
      {isLong && <div id="as-text">{text}</div>}
      {isLong ? (
        <section class="body json mono" tabindex={0} data-url={url} hidden />
      ) : (
        <section class="body json mono" aria-label="Body" tabindex={0}>
          {jsonLines(json, mark)}
        </section>
      )}
    </>
  );
}

function BodyText({ bytes, text, mark }: { text: string | null } & Pick<BodyProps, "bytes" | "mark">) {
  const cut = bytes.byteLength > MAX_TEXT_BYTES;
  // A character that the cut divides is left out.
  const part = new TextDecoder().decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: cut });
  return (
    <>
      {text === null && <p class="quiet">Not UTF-8. Bytes that are not text are shown as �.</p>}
      {cut && <CutNotice shown={MAX_TEXT_BYTES} of={bytes.byteLength} />}
      <ScrollBox kind="text">
        <bdi>{marked(part, mark)}</bdi>
      </ScrollBox>
    </>
  );
}

function BodyHex({ bytes }: { bytes: Uint8Array }) {
  return (
    <>
      {bytes.byteLength > MAX_HEX_BYTES && <CutNotice shown={MAX_HEX_BYTES} of={bytes.byteLength} />}
      <ScrollBox kind="hex">
        <span>{hexDump(bytes.subarray(0, MAX_HEX_BYTES))}</span>
      </ScrollBox>
    </>
  );
}

function CutNotice({ shown, of }: { shown: number; of: number }) {
  return (
    <p class="message">
      The first {shown.toLocaleString("en")} of {of.toLocaleString("en")} bytes. The download has all of them.
    </p>
  );
}

/** A box that scrolls, so the keyboard must reach it. */
function ScrollBox({ kind, children }: PropsWithChildren<{ kind: "text" | "hex" }>) {
  return (
    <section aria-label="Body">
      <pre class={`body ${kind}`} tabindex={0}>
        {children}
      </pre>
    </section>
  );
}

const BYTES_PER_LINE = 16;

/** Writes bytes as offset, hex and ASCII, 16 a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += BYTES_PER_LINE) {
    const line = [...bytes.subarray(offset, offset + BYTES_PER_LINE)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0"));
    const halves = [hex.slice(0, 8), hex.slice(8)].map((half) => half.join(" ").padEnd(23));
    const ascii = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${offset.toString(16).padStart(8, "0")}  ${halves.join("  ")}  ${ascii}`);
  }
  return lines.join("\n");
}
