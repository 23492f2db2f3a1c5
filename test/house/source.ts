/** Reads source text without parsing it: comments, and the names that a file defines at its top level. */

/** Strings, templates and regular expressions are matched too, so that nothing in them is taken for a comment. */
const TOKENS =
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<=[=(,:[!&|?{};>]\s*|return\s+)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*/g;

/** Lines for a tool, which nobody reads as sentences. */
const DIRECTIVE = /^(biome-ignore|@ts-)/;

/** Returns the text of each comment, without its frame; lines of `//` that follow each other are one comment. */
export function commentsIn(source: string): string[] {
  const comments: string[] = [];
  let end = -1;
  for (const { index, groups, 0: token } of source.matchAll(TOKENS)) {
    const comment = groups?.comment;
    if (comment === undefined) continue;
    const text = unframed(comment);
    const goesOn = comment.startsWith("//") && end >= 0 && /^\n[ \t]*$/.test(source.slice(end, index));
    end = comment.startsWith("//") ? index + token.length : -1;
    if (DIRECTIVE.test(text)) continue;
    if (goesOn) comments.push(`${comments.pop() ?? ""} ${text}`.trim());
    else comments.push(text);
  }
  return comments;
}

/** Returns the code of a source, without comments and spaces. */
export function codeIn(source: string): string {
  return source
    .replaceAll(TOKENS, (token: string, comment?: string) => (comment === undefined ? token : ""))
    .replaceAll(/\s/g, "");
}

function unframed(comment: string): string {
  return comment
    .replace(/^\/\*\*?|\*\/$|^\/\//g, "")
    .replace(/^[ \t]*\*[ \t]?/gm, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Returns the sentences of a comment; a tag, such as `@returns`, begins a new one. */
export function sentencesIn(comment: string): string[] {
  return comment
    .split(/(?<=[.!?])\s+(?=["'`([]?[A-Z])|\s*@\w+\s+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

/** Everything that may stand before a file's first comment: a switch of the type checker, and imports. */
const PREAMBLE = /^(?:\/\/ @ts-check\n|#!.*\n)?(?:\s*(?:import|export)\b(?:[^;"'`]|"[^"]*")*?(?:from\s*)?"[^"]*";)*\s*/;

/** Tells if a comment that says what lives here is the first thing in a file, or the first after its imports. */
export function hasFirstComment(source: string): boolean {
  return [source, source.replace(PREAMBLE, "")].some((text) => {
    const comment = /^\s*(\/\*[\s\S]*?\*\/|\/\/.*)/.exec(text)?.[1];
    return comment !== undefined && /^[^@]/.test(unframed(comment)) && !DIRECTIVE.test(unframed(comment));
  });
}

const DEFINITION =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|type|interface|enum|const|let) (?:([\w$]+)|[[{]([^=]*)[\]}] =)/gm;

/** Returns the names that a file defines at its top level, exported or not. */
export function definitionsIn(source: string): string[] {
  return [...source.matchAll(DEFINITION)].flatMap(([, name, pattern]) =>
    name !== undefined ? [name] : [...(pattern ?? "").matchAll(/([\w$]+)\s*(?=,|$|\})/g)].map(([, each]) => each ?? ""),
  );
}
