import { fromUtf8 } from "../bytes.ts";
import { readBody } from "./answers.ts";
import { Problem } from "./problem.ts";

/**
 * What a page's form posts.
 *
 * @throws Problem `unsupported_media_type`, `body_too_large`, `bad_request`
 */
export async function readForm(request: Request, maxBytes: number): Promise<URLSearchParams> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") {
    throw new Problem("unsupported_media_type", "The page's forms send application/x-www-form-urlencoded.");
  }
  const text = fromUtf8(await readBody(request, maxBytes));
  if (text === null) throw new Problem("bad_request", "The form is not UTF-8.");
  return new URLSearchParams(text);
}
