/** Tables for the READMEs, as measurements print them. */

/** Returns a Markdown table; all columns but the first are aligned to the right. */
export function markdownTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, index) => (index === 0 ? "---" : "---:")));
  return `${[line(head), rule, ...rows.map(line)].join("\n")}\n`;
}
