import { expect, test } from "vitest";
import { getJson, postJson } from "../pair/client.ts";
import { descendantsOf } from "../pair/processes.ts";
import { until } from "../pair/until.ts";
import { gone, useOwnPairs } from "./npm-start.ts";

/** `npm start` after a crash: its own, or a Worker's that hangs. */

const LATE_MS = 1000;
const startPair = useOwnPairs();

test("takes the state over from one that was killed", async () => {
  const { starting, processes } = await startPair();
  await starting.printed(/Ctrl-C stops everything/);
  starting.signal("SIGKILL");
  await starting.exited;
  const next = await startPair({ STATE_DIR: starting.env.STATE_DIR ?? "" });
  await next.starting.printed(/Ctrl-C stops everything/);
  await gone(processes);
  next.starting.signal("SIGINT");
  expect(await next.starting.exited).toBe(0);
});

test("starts a Worker that hangs again, within ten seconds, and loses nothing", async () => {
  const { starting } = await startPair();
  await starting.printed(/Ctrl-C stops everything/);
  const url = `http://localhost:${starting.env.SENDER_PORT}`;
  const { id } = (await (await postJson(`${url}/events`, '{"type":"before","data":1}')).json()) as { id: string };
  const runtimes = (await descendantsOf(starting.pid)).filter(({ command }) => / serve .*entry=127/.test(command));
  for (const { pid } of runtimes) process.kill(pid, "SIGSTOP");
  const stopped = Date.now();
  await starting.printed(/^sender {3}\| no request was answered for some seconds: the Worker is started again/);
  expect(Date.now() - stopped).toBeLessThan(10_000 + LATE_MS);
  const found = () => getJson<{ id: string }>(`${url}/events/${id}`).catch(() => null);
  expect(await until("the sender answers again", found)).toMatchObject({ id, type: "before" });
  starting.signal("SIGINT");
  expect(await starting.exited).toBe(0);
});
