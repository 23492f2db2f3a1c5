/** How lists and details write values; the script writes those of new rows alike (client/text.js). */

/** The exact size, which a debugger compares. */
export function bytesText(bytes: number): string {
  return `${bytes.toLocaleString("en")} B`;
}

/** To the second. @param at ISO 8601, UTC */
export function momentText(at: string): string {
  return `${at.slice(0, 19).replace("T", " ")} UTC`;
}
