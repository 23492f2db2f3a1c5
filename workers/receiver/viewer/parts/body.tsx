import type { PropsWithChildren } from "hono/jsx";
import { fromUtf8 } from "../../../../shared/bytes.ts";
import { visible } from "../../../../shared/pages/visible.ts";

import { type Json, readJsonText } from "./json.ts";
import { jsonLines } from "./json-lines.ts";

/** A body for reading, in the ways it can be read. It is only ever text. */

export type BodyView = "pretty" | "raw" | "hex";

/** More is cut, with a notice: the page stays quick, and the download has it all. */
export const MAX_TEXT_BYTES = 64 * 1024;
export const MAX_HEX_BYTES = 16 * 1024;

const VIEWS: readonly (readonly [BodyView, string])[] = [
  ["pretty", "Pretty"],
  ["raw", "Text"],
  ["hex", "Hex"],
];

export type BodyProps = {
  bytes: Uint8Array;
  /** What the reader chose, null: what suits the body best. */
  chosen: BodyView | null;
  addressOf(view: BodyView): string;
};

export function Body({ bytes, chosen, addressOf }: BodyProps) {
  if (bytes.byteLength === 0) return <p>The body is empty.</p>;
  const text = fromUtf8(bytes);
  const json = text === null || bytes.byteLength > MAX_TEXT_BYTES ? null : readJsonText(text);
  const laidOut = json !== null && json !== "long";
  // What holds a NUL is no text, though its bytes may be UTF-8.
  const view = chosen ?? (laidOut ? "pretty" : text?.includes("\0") === false ? "raw" : "hex");
  return (
    <>
      <ul class="tabs" aria-label="Ways to read the body">
        {VIEWS.map(([name, label]) => (
          <li>
            <a href={addressOf(name)} aria-current={name === view ? "true" : undefined}>
              {label}
            </a>
          </li>
        ))}
      </ul>
      {view === "hex" ? (
        <Hex bytes={bytes} />
      ) : view === "pretty" && json !== null && json !== "long" ? (
        <section class="body json mono" aria-label="Body" tabindex={0}>
          {jsonLines(json)}
        </section>
      ) : (
        <>
          {view === "pretty" && <p class="quiet">{whyNotPretty(text, json, bytes)}</p>}
          <Raw bytes={bytes} text={text} />
        </>
      )}
    </>
  );
}

function whyNotPretty(text: string | null, json: Json | "long" | null, bytes: Uint8Array): string {
  if (text === null) return "Not UTF-8, so not JSON.";
  if (bytes.byteLength > MAX_TEXT_BYTES || json === "long") return "Too long to be laid out here.";
  return "Not JSON.";
}

function Raw({ bytes, text }: { bytes: Uint8Array; text: string | null }) {
  const cut = bytes.byteLength > MAX_TEXT_BYTES;
  // A character that the cut divides is left out, not shown as a wrong one.
  const part = new TextDecoder().decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: cut });
  return (
    <>
      {text === null && <p class="quiet">Not UTF-8: what is no text is shown as �.</p>}
      {cut && <Cut shown={MAX_TEXT_BYTES} of={bytes.byteLength} />}
      <Scrolled kind="text">
        <bdi>{visible(part)}</bdi>
      </Scrolled>
    </>
  );
}

function Hex({ bytes }: { bytes: Uint8Array }) {
  return (
    <>
      {bytes.byteLength > MAX_HEX_BYTES && <Cut shown={MAX_HEX_BYTES} of={bytes.byteLength} />}
      <Scrolled kind="hex">
        <span>{hexDump(bytes.subarray(0, MAX_HEX_BYTES))}</span>
      </Scrolled>
    </>
  );
}

function Cut({ shown, of }: { shown: number; of: number }) {
  return (
    <p class="message">
      The first {shown.toLocaleString("en")} of {of.toLocaleString("en")} bytes; the download has all.
    </p>
  );
}

/** The box scrolls, so it must be reachable by keyboard. */
function Scrolled({ kind, children }: PropsWithChildren<{ kind: "text" | "hex" }>) {
  return (
    <section aria-label="Body">
      <pre class={`body ${kind}`} tabindex={0}>
        {children}
      </pre>
    </section>
  );
}

const PER_LINE = 16;

/** Bytes as offset, hex and ASCII, 16 a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += PER_LINE) {
    const line = [...bytes.subarray(offset, offset + PER_LINE)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0"));
    const halves = [hex.slice(0, 8), hex.slice(8)].map((half) => half.join(" ").padEnd(23));
    const ascii = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${offset.toString(16).padStart(8, "0")}  ${halves.join("  ")}  ${ascii}`);
  }
  return lines.join("\n");
}
