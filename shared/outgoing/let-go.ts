/** Cancels a body, which frees its connection. Not awaited: the other side may be slow, and nothing depends on it. */
export function letGo(body: Pick<ReadableStream, "cancel"> | null | undefined): void {
  body?.cancel().catch(() => {});
}
