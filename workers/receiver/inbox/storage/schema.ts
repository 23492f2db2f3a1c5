/**
 * The Inbox's tables.
 *
 * | table | purpose | example row | rows written | goes |
 * |---|---|---|---|---|
 * | meta (key, value) | which log this is, and the life its segments are named after | `identity`, `{"schema":3,"log":"default/main","epoch":"9f3c01ab"}` | 1, once | never |
 * | | what was cleared, and whether KV knows it | `tombstones`, `{"list":[{"source":null,"seq":12}],"saved":true}` | 2 a clear | never |
 * | | that this life was made from KV, and when KV is listed again | `rebuilt`, `{"at":1790000000000,"segments":7,…}` | 3 a rebuild | never |
 * | | when each source's configuration last verified an event | `verified`, `{"complete":true,"sources":{"default":{"fingerprint":"9f3c","at":1790000000000,…}}}` | 1 an hour and source with events | never |
 * | | the day's deletes | `swept`, `{"day":20717,"deleted":20}` | 1 in 20 deletes | never |
 * | | since when keys are known, once some were forgotten for room | `forgotten`, `{"before":1790000000000}` | 1 a table dropped early | never |
 * | | the newest refused requests | `rejections`, `"{\\"kept\\":[…],\\"counts\\":{\\"default\\":3}}"` | 1 a minute in which any came, and 1 for the alarm | never |
 * | seen_‹begun› (key, seq, at) | the keys logged already, one table a period: 16 bytes of a digest, and the seconds since the table was begun; in tables of the schemas 1 and 2 the text itself, and unix milliseconds | `3f0a…`, 12, 86400 | 1 an event | whole, a retention after its last key, or for room a day after it |
 * | tail_‹firstSeq› (seq, at, source, type, bytes, id, verification, headers, body) | the newest events in order; the last table is open, the rows of the others never change | 12, 1790000000000, `default`, `value.changed`, 83, `msg_2Kx`, `verified`, `[["host","…"]]`, bytes | 1 an event | whole, oldest first, once KV has shown its segment |
 * | seg (firstSeq, lastSeq, epoch, n, bytes, counts, from, to, putAt, misses, expires) | one row a sealed tail: what it holds, and its way into KV; once put, `bytes` is the length of its text there | 1, 500, `9f3c01ab`, 500, 204800, `{"default":500}`, …, null, 0, null | 2 a segment | a retention after its newest event |
 * | gone (firstSeq, epoch, at) | the cleared segments whose keys are still to be deleted from KV | 1, `9f3c01ab`, 1790000000000 | 2 a cleared segment | once deleted, or expired in KV |
 *
 * The open tail's name is the log's floor: an empty log still knows its next seq.
 */

export const SCHEMA = 3;

export const CREATE_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

export const CREATE_SEG = `CREATE TABLE seg (
  firstSeq INTEGER PRIMARY KEY, lastSeq INTEGER NOT NULL, epoch TEXT NOT NULL, n INTEGER NOT NULL,
  bytes INTEGER NOT NULL, counts TEXT, "from" INTEGER NOT NULL, "to" INTEGER NOT NULL,
  putAt INTEGER, misses INTEGER NOT NULL, expires INTEGER)`;

export const CREATE_GONE = `CREATE TABLE gone (
  firstSeq INTEGER NOT NULL, epoch TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (firstSeq, epoch)) WITHOUT ROWID`;

/** What the tables of each earlier schema lack, by its number. */
export const MIGRATIONS: Readonly<Record<number, readonly string[]>> = {
  1: ["ALTER TABLE seg ADD COLUMN expires INTEGER", CREATE_GONE],
  // Tables of seen keys stay as they are: only those that are begun from now on are laid out anew.
  2: [],
};

/** The columns that the Inbox and its pages know a segment by; `counts` is for the list of sources. */
export const SEGMENT_COLUMNS = `firstSeq, lastSeq, epoch, n, bytes, "from", "to", putAt, misses`;

/** `begun`: when the table took its first key, in unix milliseconds. Each column that is smaller counts once an event. */
export function createSeen(begun: number): string {
  return `CREATE TABLE seen_${begun} (key BLOB PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID`;
}

/** The body stands last, so that lists never read its pages. */
export function createTail(firstSeq: number): string {
  return `CREATE TABLE tail_${firstSeq} (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, type TEXT, bytes INTEGER NOT NULL, id TEXT,
    verification TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL)`;
}
