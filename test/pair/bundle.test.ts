import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "./workers.ts";

const run = promisify(execFile);
/** The receiver is deployed first, then the sender. */
const MAX_GZIP_KIB = [140, 110];

test("npm run deploy -- --dry-run builds both Workers, offline and small, and deploys neither", async () => {
  // This host does not answer, and there is no account: a dry run needs neither, and a real deployment would fail.
  const env = { ...process.env, CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1", WRANGLER_SEND_METRICS: "false" };
  const { stdout } = await run("npm", ["run", "deploy", "--", "--dry-run"], { cwd: root, env });
  const sizes = [...stdout.matchAll(/gzip: ([\d.]+) KiB/g)].map(([, kib]) => Number(kib));
  expect(sizes).toHaveLength(2);
  expect(Math.min(...sizes)).toBeGreaterThan(1);
  for (const [index, limit] of MAX_GZIP_KIB.entries()) expect(sizes[index]).toBeLessThan(limit);
  expect(stdout.match(/--dry-run: exiting now/g)).toHaveLength(2);
});
