/** `fingerprint`: of the configuration that verified; `savedAt`: as of when the tables know it. */
export type Proven = { fingerprint: string; at: number; savedAt: number };

/** By source. `complete`: it was kept since the log's first event, so that who is missing never verified one. */
export type Verified = { complete: boolean; sources: Readonly<Record<string, Proven>> };

/** An event that was proven, and by what; `fingerprint` null where nothing proves it. */
export type Proof = { source: string; fingerprint: string | null };
