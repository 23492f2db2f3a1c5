/**
 * Loaded into wrangler before its own code: ends its whole process group when the process that started it is
 * gone, however it went. Standard input is a pipe that nobody writes to; its end is the death of the other side.
 */
process.stdin.resume();
process.stdin.once("end", () => process.kill(0, "SIGKILL"));
// It must not keep wrangler alive: duplex pipes and sockets have it, whatever the type says.
(process.stdin as { unref?: () => void }).unref?.();
