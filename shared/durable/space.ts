/** Shares of the storage limit at which an object begins to make room, and at which it takes nothing more. */

/** Above this share what can go goes, whatever its age. */
const CROWDED_SHARE = 0.6;
/** Above this share nothing more is taken: the rest is for what frees storage again. */
const FULL_SHARE = 0.95;

export type Space = "ample" | "crowded" | "full";

/** Returns the bytes that may still be written before the storage is full; negative beyond that. */
export function roomIn(bytes: number, storageLimit: number): number {
  return storageLimit * FULL_SHARE - bytes;
}

/** Returns how much space is left; both arguments in bytes. */
export function spaceIn(bytes: number, storageLimit: number): Space {
  if (bytes > storageLimit * FULL_SHARE) return "full";
  return bytes > storageLimit * CROWDED_SHARE ? "crowded" : "ample";
}
