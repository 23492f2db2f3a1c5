/** Every event of `source`, or of the whole log (null), up to `seq` is cleared, wherever its bytes still are. */
export type Tombstone = { source: string | null; seq: number };

export function isCleared(tombstones: readonly Tombstone[], { source, seq }: { source: string; seq: number }): boolean {
  return tombstones.some((tombstone) => seq <= tombstone.seq && (tombstone.source ?? source) === source);
}
