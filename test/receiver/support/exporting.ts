import { expect } from "vitest";
import { callWith } from "./harness.ts";

/** A client that takes an export chunk by chunk, and knows whether it got all of it. */

/** A request scans as little as it can, so that an export has as many steps as there are segments. */
const SCAN_BYTES = "1";

export class Exporting {
  /** The events that came, whole lines only. */
  readonly seqs: number[] = [];
  /** The beginning of the next page; null when there is none. */
  next: number | null = null;
  state: "open" | "whole" | "cut" = "open";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  /** Begins an export; null when it was refused. */
  static async open(query: string): Promise<Exporting | null> {
    const response = await callWith({ SCAN_BYTES }, `/events/export?${query}`);
    if (response.body === null || response.status !== 200) {
      expect(response.status).toBeGreaterThanOrEqual(500);
      return null;
    }
    return new Exporting(response.body, response.headers.get("next-after"));
  }

  private constructor(body: ReadableStream<Uint8Array>, next: string | null) {
    // The stream is read as it is: anything in between would read ahead on its own.
    this.#reader = body.getReader();
    this.next = next === null ? null : Number(next);
  }

  /** Takes the next chunk; false when there is none. */
  async read(): Promise<boolean> {
    if (this.state !== "open") return false;
    const result = await this.#reader.read().catch(() => null);
    if (result === null) this.state = "cut";
    else if (result.done) this.state = "whole";
    else this.#take(this.#decoder.decode(result.value, { stream: true }));
    return this.state === "open";
  }

  async end(): Promise<this> {
    while (await this.read());
    return this;
  }

  #take(text: string): void {
    const lines = `${this.#text}${text}`.split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) if (!line.startsWith("seq,")) this.seqs.push(seqOf(line));
  }
}

/** Reads a line of either format; the bodies of these tests have no line ends. */
function seqOf(line: string): number {
  return line.startsWith("{") ? JSON.parse(line).seq : Number(line.slice(0, line.indexOf(",")));
}
