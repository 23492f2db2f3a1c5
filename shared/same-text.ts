import { utf8 } from "./bytes.ts";

/**
 * Compares a text with a secret one. The time depends on `given` alone: one of another length is compared with itself, so
 * that not even the length of `secret` shows.
 */
export function sameText(given: string, secret: string): boolean {
  const [left, right] = [utf8(given), utf8(secret)];
  const comparable = left.byteLength === right.byteLength;
  return crypto.subtle.timingSafeEqual(left, comparable ? right : left) && comparable;
}
