import { marked } from "../../../../shared/pages/marked.ts";
import { visible } from "../../../../shared/pages/visible.ts";
import { MASK } from "../../../../shared/secret-name.ts";
import type { HeaderList } from "../../event/headers.ts";
import { CopyButton } from "./badges.tsx";

/** The headers of an event as they were stored, to copy one by one or all at once. */
export function Headers({ headers, mark }: { headers: HeaderList; mark: RegExp | null }) {
  const all = headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return (
    <>
      <h2>Headers</h2>
      <table class="headers">
        <caption>
          {headers.some(([, value]) => value === MASK) && "Credentials were masked before the event was stored. "}
          <CopyButton label="Copy all" what="headers" text={all} />
        </caption>
        <thead>
          <tr class="unseen">
            <th scope="col">Name</th>
            <th scope="col">Value</th>
            <th scope="col">Copy</th>
          </tr>
        </thead>
        <tbody>
          {headers.map(([name, value]) => (
            <tr>
              <th scope="row" class="mono">
                <bdi>{marked(name, mark)}</bdi>
              </th>
              <td class="mono">
                <bdi>{marked(value, mark)}</bdi>
              </td>
              <td>
                <CopyButton label="Copy" what={visible(name)} text={value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
