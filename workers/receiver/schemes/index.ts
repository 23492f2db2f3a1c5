import type { Scheme } from "./scheme.ts";
import { standard } from "./standard.ts";

/** Every scheme by the name that configuration uses. */
export const schemes = { standard } as const satisfies Record<string, Scheme>;

export type SchemeName = keyof typeof schemes;
