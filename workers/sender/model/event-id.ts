/**
 * Ids in the shape of a ULID: ten characters of time, sixteen more, no dots.
 *
 * An event's id carries its seq, so that finding the event needs no index, which would cost a row written per event.
 * The seq is scrambled under the log's own key: an endpoint must not read from two ids how much the sender sends to
 * others. The scrambling hides a count and protects nothing: tokens decide what may be read.
 */

/** The key of a log's ids: two 32-bit words, made with the log. */
export type IdKey = readonly [number, number];

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const OWN_ID = /^msg_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Returns `prefix` and a ULID of `at` (unix milliseconds) and 80 random bits. */
export function randomId(prefix: "msg_" | "ep_", at: number, random: Uint8Array): string {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0, b8 = 0, b9 = 0] = random;
  const [low, tag] = [(b2 << 24) | (b3 << 16) | (b4 << 8) | b5, (b6 << 24) | (b7 << 16) | (b8 << 8) | b9];
  return prefix + timeText(at) + tailText((b0 << 8) | b1, low, tag);
}

/** Returns the id of the event `seq`, logged at `at`. The same key, time and seq give the same id. */
export function eventId(key: IdKey, at: number, seq: number): string {
  const high = Math.floor(seq / 2 ** 32);
  const low = seq >>> 0;
  const tag = halfSipHash(key, [1, at / 2 ** 32, at, high, low]);
  const [maskHigh, maskLow] = masks(key, at, tag);
  return `msg_${timeText(at)}${tailText((high ^ maskHigh) & 0xffff, low ^ maskLow, tag)}`;
}

/** Returns the seq that an id names, or null when this log never made the id. */
export function eventSeq(key: IdKey, id: string): number | null {
  if (!looksOwn(id)) return null;
  const at = Number(fromBase32(id.slice(4, 14)));
  const tail = fromBase32(id.slice(14));
  const tag = Number(tail & 0xffffffffn);
  const [maskHigh, maskLow] = masks(key, at, tag);
  const high = (Number(tail >> 64n) ^ maskHigh) & 0xffff;
  const low = (Number((tail >> 32n) & 0xffffffffn) ^ maskLow) >>> 0;
  const seq = high * 2 ** 32 + low;
  return eventId(key, at, seq) === id ? seq : null;
}

/** Returns whether an id has the shape of ours: a caller may not choose such an id for another event. */
export function looksOwn(id: string): boolean {
  return OWN_ID.test(id);
}

function masks(key: IdKey, at: number, tag: number): [number, number] {
  return [halfSipHash(key, [2, at / 2 ** 32, at, tag]), halfSipHash(key, [3, at / 2 ** 32, at, tag])];
}

/** Computes 32 bits of HalfSipHash-2-4 over 32-bit words, Aumasson and Bernstein's small variant of SipHash. */
function halfSipHash([k0, k1]: IdKey, words: number[]): number {
  let [v0, v1, v2, v3] = [k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1];
  const round = () => {
    v0 = (v0 + v1) | 0;
    v1 = rotate(v1, 5) ^ v0;
    v0 = rotate(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotate(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotate(v1, 13) ^ v2;
    v2 = rotate(v2, 16);
  };
  for (const word of [...words, (words.length * 4) << 24]) {
    const m = toInt32(word);
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  return (v1 ^ v3) >>> 0;
}

/** Returns the low 32 bits of any safe integer, its fraction dropped. */
function toInt32(value: number): number {
  return Math.floor(value) | 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Returns the ten characters of a time; numbers, since an id is made for each event and BigInt costs ten times more. */
function timeText(at: number): string {
  return base32(Math.floor(at / 2 ** 40), 2) + base32((at / 2 ** 20) & 0xfffff, 4) + base32(at & 0xfffff, 4);
}

/** Returns the sixteen characters of 16, 32 and 32 bits. */
function tailText(high: number, low: number, tag: number): string {
  return (
    base32((high << 4) | (low >>> 28), 4) +
    base32((low >>> 8) & 0xfffff, 4) +
    base32(((low & 0xff) << 12) | (tag >>> 20), 4) +
    base32(tag & 0xfffff, 4)
  );
}

/** Returns the last `length` characters of at most 31 bits. */
function base32(value: number, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest >>>= 5) text = ALPHABET.charAt(rest & 31) + text;
  return text;
}

function fromBase32(text: string): bigint {
  let value = 0n;
  for (const char of text) value = (value << 5n) | BigInt(ALPHABET.indexOf(char));
  return value;
}
