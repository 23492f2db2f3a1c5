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
