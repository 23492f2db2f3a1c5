/** What the runtime says, each time, of what tests do on purpose: thousands of lines that bury all others. */
const KNOWN = [
  // The schemes are tried with header values of any bytes.
  /^A header value for ".*" contains non-ASCII characters/s,
  // Objects are killed at every step.
  /failed: .*jsg\.Error: killed by the test/,
];

/** Keeps that from being printed. */
export function dropKnownNoise(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    const isNoise = typeof chunk === "string" && KNOWN.some((pattern) => pattern.test(chunk));
    return write(isNoise ? "" : chunk, ...rest);
  };
}
