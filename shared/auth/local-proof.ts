import { deriveKey } from "./derived-key.ts";

/**
 * The proof by which the front of `npm start` vouches for a request of this machine. Runs in the Workers and in Node.
 */

/** Header by which the front vouches that the Worker's URL is the one that the client asked for. */
export const PROOF_HEADER = "x-local-proof";

/** Returns the proof, which is derived from the API token, so that no page can know it. */
export async function localProof(apiToken: string): Promise<string> {
  return btoa(String.fromCharCode(...(await deriveKey(apiToken, "front of npm start"))));
}
