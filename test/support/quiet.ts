/** Keeps the test run's output readable. */

/** Lines of the runtime about things that tests do on purpose: thousands of them bury all others. */
const KNOWN = [
  // The tests of schemes send header values of any bytes.
  /^A header value for ".*" contains non-ASCII characters/s,
  // Objects are killed at every step.
  /failed: .*jsg\.Error: killed by the test/,
];

/** Leaves the known lines out of what `stream` prints. */
export function dropKnownNoise(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    const isNoise = typeof chunk === "string" && KNOWN.some((pattern) => pattern.test(chunk));
    return write(isNoise ? "" : chunk, ...rest);
  };
}
