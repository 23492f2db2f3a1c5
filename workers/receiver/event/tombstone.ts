/** A mark that clears every event of `source`, or of the whole log (null), up to `seq`, wherever its bytes still are. */
export type Tombstone = { source: string | null; seq: number };

export function isCleared(tombstones: readonly Tombstone[], { source, seq }: { source: string; seq: number }): boolean {
  return tombstones.some((tombstone) => seq <= tombstone.seq && (tombstone.source ?? source) === source);
}

/** Returns the furthest tombstone of each source, without those that the one of the whole log covers. */
export function mergeTombstones(...lists: (readonly Tombstone[])[]): Tombstone[] {
  const furthest = new Map<string | null, number>();
  for (const { source, seq } of lists.flat()) furthest.set(source, Math.max(seq, furthest.get(source) ?? 0));
  const whole = furthest.get(null) ?? 0;
  return [...furthest]
    .map(([source, seq]) => ({ source, seq }))
    .filter(({ source, seq }) => source === null || seq > whole);
}
