/**
 * A module that is loaded into wrangler before its own code. It ends wrangler's whole process group once the process
 * that started it is gone. Standard input is a pipe that nobody writes to: it ends when the other side dies.
 */
process.stdin.resume();
process.stdin.once("end", () => process.kill(0, "SIGKILL"));
// The pipe must not keep wrangler alive. Pipes and sockets have `unref`, though the type does not say so.
(process.stdin as { unref?: () => void }).unref?.();
