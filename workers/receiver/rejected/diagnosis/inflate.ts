import { type Bytes, concat } from "../../../../shared/bytes.ts";
import type { SignedRequest } from "../../verify/schemes/scheme.ts";
import type { Work } from "./work.ts";

/** Undoes the compression of a body, which its sender may have signed before. */

/** A longer compressed body is not tried, nor is one that inflates to more. */
const MAX_PACKED_BYTES = 16 * 1024;
const MAX_INFLATED_BYTES = 64 * 1024;
/** The platform inflates all that it is given at once, up to a thousandfold. */
const SLICE_BYTES = 256;
/** Units of an inflation. */
const INFLATE_WORK = 150;

/** Bytes before compression; `none`: the body is not compressed, `untried`: its original could not be found. */
type Inflated = Bytes | "none" | "untried";

/** Returns the bytes that a body had before it was compressed. */
export async function inflated({ headers, body }: SignedRequest, work: Work): Promise<Inflated> {
  const encoding = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  const packed = body[0] === 0x1f && body[1] === 0x8b;
  if (!packed && (encoding === "" || encoding === "identity")) return "none";
  const format = packed ? "gzip" : encoding === "deflate" ? "deflate" : null;
  if (format === null || body.byteLength > MAX_PACKED_BYTES || !work.affords(INFLATE_WORK)) return "untried";
  return (await inflate(body, format)) ?? "untried";
}

/** Returns the inflated bytes; null if they are too many, or the body is broken. */
async function inflate(body: Uint8Array, format: "gzip" | "deflate"): Promise<Bytes | null> {
  const { readable, writable } = new DecompressionStream(format);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const read = async () => {
    for await (const chunk of readable as ReadableStream<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_INFLATED_BYTES) return null;
      chunks.push(chunk);
    }
    return concat(...chunks);
  };
  const write = async () => {
    const writer = writable.getWriter();
    for (let at = 0; at < body.byteLength && size <= MAX_INFLATED_BYTES; at += SLICE_BYTES)
      await writer.write(body.slice(at, at + SLICE_BYTES) as Bytes);
    await writer.close();
  };
  const [whole] = await Promise.all([read().catch(() => null), write().catch(() => {})]);
  return whole;
}
