import { ForeignBlock } from "../../../../shared/pages/parts.tsx";
import type { Forwarded } from "../../forward/request.ts";
import { href, unfiltered, type ViewAddress } from "./address.ts";

/** The form that sends an event on, and its outcome. */

/**
 * The URL typed into the form, and its outcome; `result` is null before the event was sent, or if the URL was refused.
 */
export type ForwardState = { url: string; result: Forwarded | null };

type ForwardFormProps = { address: ViewAddress; seq: number; forwarding: ForwardState };

export function ForwardForm({ address, seq, forwarding: { url, result } }: ForwardFormProps) {
  return (
    <div id="forwarding" data-answer>
      <form method="post" action={href(`/e/${seq}/forward`, unfiltered(address))} class="fields" id="forward">
        <label for="forward-url">Forward to a URL</label>
        <input
          type="url"
          name="url"
          id="forward-url"
          required
          value={url}
          placeholder="https://"
          maxlength={2048}
          aria-describedby="forward-hint"
        />
        <span class="quiet" id="forward-hint">
          The same bytes, signed with <code>FORWARD_SECRET</code> and never with the secret of the source.
        </span>
        <button type="submit">Forward</button>
      </form>
      {result?.response && <ForeignBlock label="First bytes of the response" text={result.response} />}
    </div>
  );
}

/** Returns the outcome in words. */
export function outcomeText({ status, code, ms }: Forwarded): { text: string; failed: boolean } {
  if (status === 0) return { text: `Forwarded, but not answered: ${code}, after ${ms} ms.`, failed: true };
  const answered = code === null ? `status ${status}` : `status ${status}, ${code}`;
  return {
    text: `Forwarded. The answer: ${answered}, after ${ms} ms.`,
    failed: status < 200 || status > 299 || code !== null,
  };
}
