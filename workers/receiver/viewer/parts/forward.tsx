import { visible } from "../../../../shared/pages/visible.ts";
import type { Forwarded } from "../../forward/request.ts";
import { address, type Place, whole } from "./address.ts";

/** What was typed into the form, and what became of it; `result` null before it was sent, or when it was refused. */
export type Forwarding = { url: string; result: Forwarded | null };

/** The form that sends an event on, and what its target said. */
export function Forward({ place, seq, forwarding }: { place: Place; seq: number; forwarding: Forwarding }) {
  const { url, result } = forwarding;
  return (
    <>
      <form method="post" action={address(`/e/${seq}/forward`, whole(place))} class="fields" id="forward">
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
          The same bytes, signed anew with <code>FORWARD_SECRET</code>: never with the secret of its source.
        </span>
        <button type="submit">Forward</button>
      </form>
      {result !== null && result.response !== null && result.response !== "" && (
        <section aria-label="First bytes of the response">
          <pre tabindex={0}>
            <bdi>{visible(result.response)}</bdi>
          </pre>
        </section>
      )}
    </>
  );
}

/** What became of it, in words. */
export function outcomeText({ status, code, ms }: Forwarded): { text: string; failed: boolean } {
  if (status === 0) return { text: `Forwarded, and not answered: ${code}, after ${ms} ms.`, failed: true };
  const answered = code === null ? `status ${status}` : `status ${status}, ${code}`;
  return {
    text: `Forwarded. The answer: ${answered}, after ${ms} ms.`,
    failed: status < 200 || status > 299 || code !== null,
  };
}
