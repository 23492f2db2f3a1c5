/** Shows characters that are invisible or reorder text by their code; line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
    /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => (char === "\r" ? "" : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}
