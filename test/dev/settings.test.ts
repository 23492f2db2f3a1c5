import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nextMinute, tickTime } from "../../workers/dev/clock.ts";
import { readSettings, requireFreePort } from "../../workers/dev/settings.ts";
import { freePorts, temporaryFolder } from "../pair/workers.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

describe("readSettings", () => {
  test("makes .dev.vars on the first run, for its owner alone, and keeps it", () => {
    const first = readSettings(folder.path, {});
    const path = join(folder.path, ".dev.vars");
    const text = readFileSync(path, "utf8");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.variables.WEBHOOK_SECRET).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(first.variables.API_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(first.variables.LOCAL_DEV).toBe("true");
    expect(readSettings(folder.path, {})).toEqual(first);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test.each([
    [{}, "people", true],
    [{ LOG: "people", NO_COLOR: "" }, "people", true],
    [{ LOG: "json", NO_COLOR: "1" }, "json", false],
  ])("takes the form of the log from %o", (env, logFormat, colour) => {
    expect(readSettings(folder.path, env)).toMatchObject({ logFormat, colour });
  });

  test("refuses an unknown form of the log", () => {
    expect(() => readSettings(folder.path, { LOG: "jsno" })).toThrow('LOG is "jsno"');
  });

  test("two first runs make two secrets", () => {
    const other = temporaryFolder();
    const [a, b] = [readSettings(folder.path, {}), readSettings(other.path, {})];
    other.remove();
    expect(a.variables.WEBHOOK_SECRET).not.toBe(b.variables.WEBHOOK_SECRET);
    expect(a.variables.API_TOKEN).not.toBe(b.variables.API_TOKEN);
  });

  test("the environment wins over .dev.vars, and that over the defaults", () => {
    writeFileSync(
      join(folder.path, ".dev.vars"),
      'WEBHOOK_SECRET="w"\nAPI_TOKEN="a"\nFLUSH_SECONDS="3"\nDOH_URL="f"\n',
    );
    const { variables } = readSettings(folder.path, { API_TOKEN: "e", DOH_URL: "" });
    expect(variables).toMatchObject({
      ...{ WEBHOOK_SECRET: "w", API_TOKEN: "e", FLUSH_SECONDS: "3", DOH_URL: "", PERIODIC_SECONDS: "10" },
    });
  });

  test("the environment alone is enough, and programs here still need no token", () => {
    const { variables } = readSettings(folder.path, { WEBHOOK_SECRET: "w", API_TOKEN: "a" });
    expect(existsSync(join(folder.path, ".dev.vars"))).toBe(false);
    expect(variables).toMatchObject({ WEBHOOK_SECRET: "w", API_TOKEN: "a", LOCAL_DEV: "true" });
    expect(readSettings(folder.path, { ...variables, LOCAL_DEV: "false" }).variables.LOCAL_DEV).toBe("false");
  });

  test("each Worker learns the address of the other's pages, unless it is given", () => {
    const { variables } = readSettings(folder.path, { RECEIVER_PORT: "9090", SENDER_URL: "" });
    expect(variables).toMatchObject({ RECEIVER_URL: "http://localhost:9090", SENDER_URL: "" });
    expect(readSettings(folder.path, {}).variables.SENDER_URL).toBe("http://localhost:5000");
  });

  test("the default endpoint follows RECEIVER_PORT, unless WEBHOOK_URL is given", () => {
    const webhookUrl = (env: NodeJS.ProcessEnv) => readSettings(folder.path, env).variables.WEBHOOK_URL;
    expect(webhookUrl({})).toBe("http://localhost:8080/webhook");
    expect(webhookUrl({ RECEIVER_PORT: "9090" })).toBe("http://localhost:9090/webhook");
    expect(webhookUrl({ RECEIVER_PORT: "9090", WEBHOOK_URL: "http://localhost:1/x" })).toBe("http://localhost:1/x");
    expect(webhookUrl({ WEBHOOK_URL: "" })).toBe("");
  });

  test.each([
    [{ SENDER_PORT: "http" }, 'SENDER_PORT is "http": a port is a number from 1 to 65535.'],
    [{ SENDER_PORT: "0" }, 'SENDER_PORT is "0": a port is a number from 1 to 65535.'],
    [{ RECEIVER_PORT: "65536" }, 'RECEIVER_PORT is "65536": a port is a number from 1 to 65535.'],
    [{ RECEIVER_PORT: "5000" }, "SENDER_PORT and RECEIVER_PORT are both 5000: give them different ports."],
    [{ API_TOKEN: "" }, "API_TOKEN missing in .dev.vars: add it, or delete the file for a new one."],
  ])("%j is refused in one line", (env, message) => {
    expect(() => readSettings(folder.path, env)).toThrow(message);
  });
});

describe("requireFreePort", () => {
  test("passes a free port and names the variable for a busy one", async () => {
    const [port = 0] = await freePorts(1);
    await requireFreePort("SENDER_PORT", port);
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    await expect(requireFreePort("SENDER_PORT", port)).rejects.toThrow(
      `Port ${port} is in use. Stop what listens there, or choose another: SENDER_PORT=${port + 1} npm start`,
    );
    server.close();
  });
});

describe("the clock", () => {
  test.each([
    ["on time", 60_000, 60_004, 60_000],
    ["a second late", 60_000, 61_000, 60_000],
    ["after a sleep", 60_000, 3_725_001, 3_725_001],
  ])("tickTime %s", (_, target, now, expected) => {
    expect(tickTime(target, now)).toBe(expected);
  });

  test.each([
    [0, 60_000],
    [59_999, 60_000],
    [60_000, 120_000],
  ])("nextMinute after %d", (now, expected) => {
    expect(nextMinute(now)).toBe(expected);
  });
});
