/** A clear of the log: every event of `source` (null: of any) up to `seq` is gone for readers. */
export type Tombstone = { source: string | null; seq: number };

/** Whether an event was cleared; readers leave it out, and their cursors pass it. */
export function isCleared(tombstones: readonly Tombstone[], event: { source: string; seq: number }): boolean {
  return tombstones.some(({ source, seq }) => event.seq <= seq && (source === null || source === event.source));
}
