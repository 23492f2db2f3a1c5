import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf } from "../../../workers/receiver/config.ts";
import { type Env, logOf, logsOf, readAgain } from "../../../workers/receiver/log/logs.ts";
import { call, env, START, send, setTime } from "../support/harness.ts";
import { Killer } from "../support/kill.ts";
import { leaveAll } from "../support/live-harness.ts";

const SOURCES = {
  gh: { scheme: "github", secrets: ["TOKEN"] },
  plain: { scheme: "token", secrets: ["TOKEN"], log: "internal" },
};
const config = configOf({ ...env, TOKEN: "a shared token", SOURCES } as unknown as Env);

describe("logsOf", () => {
  it("names each configured log once, the default one first", () => {
    expect(logsOf(config)).toEqual(["main", "internal"]);
  });
});

describe("logOf", () => {
  const cases: [name: string | null, source: string | null, log: string][] = [
    [null, null, "main"],
    ["internal", null, "internal"],
    [null, "plain", "internal"],
    ["main", "plain", "main"],
    [null, "gh", "main"],
    [null, "nobody", "main"],
  ];
  it.each(cases)("is for the log %j and the source %j: %s", (name, source, log) => {
    expect(logOf(config, name, source)).toBe(log);
  });

  it.each(["other", "", "constructor"])("knows no log %j", (name) => {
    expect(() => logOf(config, name)).toThrow(expect.objectContaining({ code: "not_found" }));
  });
});

const marked = (marks: object) => Object.assign(new Error("the object is gone"), marks);
const restarted = marked({ durableObjectReset: true });

/** Fails with each of the errors in turn, then finds 42. */
const failing = (...errors: Error[]) =>
  vi.fn(async () => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    return 42;
  });

describe("readAgain", () => {
  it.each([
    ["was restarted", restarted],
    ["cannot be reached for now", marked({ retryable: true })],
  ])("reads once more when the object %s", async (_name, error) => {
    expect(await readAgain(failing(error))).toBe(42);
  });

  it.each([
    ["the log's own problem", new Problem("cursor_ahead", "The newest event is 3.")],
    ["an error of our own", new Error("a bug")],
  ])("leaves %s as it is, and does not ask twice", async (_name, error) => {
    const read = failing(error);
    await expect(readAgain(read)).rejects.toBe(error);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("says when to come back, and does not ask twice, when the object is overloaded", async () => {
    const read = failing(marked({ retryable: true, overloaded: true }));
    await expect(readAgain(read)).rejects.toMatchObject({ code: "log_unavailable", headers: { "retry-after": "5" } });
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("says when to come back after the second time", async () => {
    const read = failing(restarted, restarted);
    await expect(readAgain(read)).rejects.toMatchObject({ code: "log_unavailable", headers: { "retry-after": "5" } });
    expect(read).toHaveBeenCalledTimes(2);
  });

  it("throws the error of the second time", async () => {
    const problem = new Problem("cursor_ahead", "The newest event is 3.");
    await expect(readAgain(failing(restarted, problem))).rejects.toBe(problem);
  });
});

describe("a reader whose call kills the Inbox is answered by the restarted one", () => {
  beforeEach(() => setTime(START));
  afterEach(async () => {
    vi.restoreAllMocks();
    await leaveAll();
    await reset();
  });

  it.each(["/", "/events", "/events?after=0&wait=30", "/events/export", "/events/stream?after=0"])(
    "%s",
    async (path) => {
      await send("a");
      const killer = await Killer.create();
      killer.arm(0);
      const response = await call(path);
      expect(killer.killed).toBe(true);
      expect(response.status).toBe(200);
      await response.body?.cancel();
    },
  );
});
