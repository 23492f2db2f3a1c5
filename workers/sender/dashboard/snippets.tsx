import type { SignatureHeaders } from "../model/endpoint.ts";
import go from "./snippets/go.txt";
import java from "./snippets/java.txt";
import node from "./snippets/node.txt";
import php from "./snippets/php.txt";
import python from "./snippets/python.txt";

/** Code that verifies what an endpoint gets, in five languages, without a library. */

const SNIPPETS = [
  ["Node", node],
  ["Python", python],
  ["Java", java],
  ["Go", go],
  ["PHP", php],
] as const;

/** Each language's code, folded, with the names of the headers that the endpoint gets. */
export function VerifySnippets({ names }: { names: SignatureHeaders | null }) {
  return (
    <section>
      <h2>Verify in your program</h2>
      <p>
        A webhook is genuine when a signature of the list was made with this secret over its exact bytes, at most five
        minutes ago. Take each <code>{names?.id ?? "webhook-id"}</code> once: a retry has the same.
      </p>
      {SNIPPETS.map(([language, code]) => (
        <details>
          <summary>{language}</summary>
          <pre tabindex={0}>{withNames(code, names)}</pre>
        </details>
      ))}
    </section>
  );
}

function withNames(code: string, names: SignatureHeaders | null): string {
  if (names === null) return code;
  return Object.entries(names).reduce(
    (text, [member, name]) => text.replaceAll(`webhook-${member}`, name.toLowerCase()),
    code,
  );
}
