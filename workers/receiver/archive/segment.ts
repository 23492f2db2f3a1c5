/**
 * A sealed run of events. `bytes`: of its bodies and headers, once put of its text in KV: what reading it takes.
 * `putAt`: when KV took it, or null; `misses`: looks since then that did not find it.
 */
export type Segment = {
  firstSeq: number;
  lastSeq: number;
  epoch: string;
  n: number;
  bytes: number;
  from: number;
  to: number;
  putAt: number | null;
  misses: number;
};

/** A segment by what clearing needs of it; `counts`: its events of each source, or null where that is not known. */
export type CountedSegment = {
  firstSeq: number;
  lastSeq: number;
  epoch: string;
  n: number;
  counts: EventCounts | null;
};

export type EventCounts = Readonly<Record<string, number>>;

/** A segment as KV lists it. `expires`: until when KV surely keeps it; times in unix milliseconds. */
export type ListedSegment = CountedSegment & { bytes: number; from: number; to: number; expires: number };

/** What names a key in KV. */
export type SegmentKey = { firstSeq: number; epoch: string };
