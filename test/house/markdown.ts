/** Reads Markdown as far as the READMEs use it: headings, links, code spans and code blocks. */

export type Markdown = { headings: string[]; links: string[]; spans: string[]; blocks: string[]; rows: string[][] };

const FENCE = /^ *```.*\n([\s\S]*?)^ *```$/gm;

/** Parses a file. `headings`: as the ends of links name them; `rows`: the cells of every table's rows. */
export function parseMarkdown(text: string): Markdown {
  const prose = text.replace(FENCE, "");
  return {
    headings: [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slugOf(heading ?? "")),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? ""),
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? ""),
    blocks: [...text.matchAll(FENCE)].map(([, block]) => block ?? ""),
    rows: prose
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      ),
  };
}

/** Returns the end of a link to a heading, as GitHub makes it. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
