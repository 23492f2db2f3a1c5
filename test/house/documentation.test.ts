import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { shownNumber } from "../../shared/config.ts";
import { filesBelow, READMES, ROOT, read, SOURCE } from "./files.ts";
import { parseMarkdown } from "./markdown.ts";
import { answers, type Route, routesIn, routesOf, settingsOf, type Worker } from "./routes.ts";
import { commentsIn } from "./source.ts";

/** The READMEs and the project say the same: whatever a README names exists, and whatever a user needs is named. */

const FRONT_PAGE_LINES = 130;
/** Made at run time, or by the user. */
const MADE = [".wrangler/state", "log.ndjson", "next.txt"];
const PORTS: Record<Worker, string> = { sender: "localhost:5000", receiver: "localhost:8080" };
const WORKERS = ["sender", "receiver"] as const;
const SETTINGS = { sender: await settingsOf("sender"), receiver: await settingsOf("receiver") };
/** `I1 (armed while behind)`, or `I1, armed while behind` in parentheses. */
const CITATION = /\b(I\d)\b(?:(?: \(|, )([a-z ]+)\))?/g;

const readmes = READMES.map((path) => ({ path, text: read(path), ...parseMarkdown(read(path)) }));
const code = [...filesBelow("workers"), ...filesBelow("test")].filter((path) => SOURCE.test(path));
const textOf = (pattern: RegExp) =>
  code
    .filter((path) => pattern.test(path))
    .map(read)
    .join("\n");
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found ?? "");

describe("the front page", () => {
  it(`has at most ${FRONT_PAGE_LINES} lines`, () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(FRONT_PAGE_LINES);
  });

  it("shows the tree as it is", () => {
    const tree = readmes[0]?.blocks.find((block) => block.startsWith("workers/sender/")) ?? "";
    let folder = "";
    for (const line of tree.trimEnd().split("\n")) {
      const paths = all(line.replace(/ {3,}\S.*$/, ""), /(\S+)/g);
      if (!line.startsWith(" ")) folder = paths[0] ?? "";
      for (const path of paths) {
        const place = line.startsWith(" ") ? `${folder}${path}` : path;
        expect(existsSync(join(ROOT, place)), place).toBe(true);
      }
    }
  });
});

describe.each(readmes)("$path", ({ path, text, links, spans }) => {
  const exists = (file: string) => [dirname(path), "."].some((from) => existsSync(join(ROOT, from, file)));

  it("links to files and headings that exist", () => {
    for (const link of links.filter((target) => !target.includes("://"))) {
      const [file = "", heading] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      expect(existsSync(join(ROOT, target)), link).toBe(true);
      const found = readmes.find((readme) => readme.path === target);
      if (heading !== undefined) expect(found?.headings, link).toContain(heading);
    }
  });

  it("names files that exist", () => {
    const files = spans.filter(
      (span) =>
        /^\.?[\w-][\w.-]*(\/[\w.-]+)+\/?$|^\.?[\w-]+\.(tsx?|mjs|js|toml|json|md|css)$/.test(span) &&
        !/^(application|text)\//.test(span) &&
        !MADE.includes(span),
    );
    expect(files.filter((file) => !exists(file))).toEqual([]);
  });

  it("names npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = all(text, /\bnpm (?:run )?(start|test|(?<=run )[\w:-]+)/g);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it("names variables that exist", () => {
    const named = all(text, /\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b/g);
    const examples = all(read("wrangler.receiver.toml"), /\b([A-Z]+_[A-Z_]+)\b/g);
    expect(named.filter((name) => !variables.includes(name) && !examples.includes(name))).toEqual([]);
  });
});

/** The variables of both TOML files, of the code that reads an environment, and of the tests. */
const variables = [
  ...WORKERS.flatMap((worker) => {
    const toml = read(`wrangler.${worker}.toml`);
    const [vars = ""] = /^\[vars\]\n(?:[^[]|(?<!\n)\[)*/m.exec(toml) ?? [];
    const required = all(toml, /^required = \[([^\]]*)\]/gm).join();
    return [...all(vars, /^([A-Z_]+) =/gm), ...all(required, /"(\w+)"/g), ...Object.keys(SETTINGS[worker])];
  }),
  ...all(read("workers/dev/settings.ts"), /(?:\bgiven\.|\bgiven, "|\[name\]|\b(?=[A-Z_]+: "))([A-Z]+_[A-Z_]+)/g),
  ...all(textOf(/^test\//), /\bprocess\.env\.([A-Z]+(?:_[A-Z]+)*)\b/g).filter((name) => name !== "TMPDIR"),
  ...all(read("test/browser/chrome.ts"), /\benv\.([A-Z]+_[A-Z]+)\b/g),
].filter((name, index, names) => names.indexOf(name) === index);

it("every variable is named in a README", () => {
  expect(variables.length).toBeGreaterThan(20);
  const named = readmes.flatMap(({ spans }) => spans.flatMap((span) => all(span, /\b([A-Z][A-Z_]+)\b/g)));
  expect(variables.filter((name) => !named.includes(name))).toEqual([]);
});

describe.each(WORKERS)("the variables of the %s", (worker) => {
  const table = Object.entries(SETTINGS[worker]);
  const { rows = [] } = readmes.find(({ path }) => path === `workers/${worker}/README.md`) ?? {};
  const rowOf = (name: string) => rows.find(([cell]) => cell === `\`${name}\``);

  it("stand in its README with their defaults and bounds", () => {
    for (const [name, { fallback, bounds }] of table) {
      const [, shown = "", inBounds] = rowOf(name) ?? [];
      expect([name, inBounds]).toEqual([name, bounds]);
      const isNumber = /^\d+$/.test(fallback ?? "");
      if (isNumber) expect([name, shown]).toEqual([name, shownNumber(Number(fallback))]);
      else expect([name, shown === "required secret"]).toEqual([name, fallback === null]);
    }
  });

  it("may be as its TOML file has them", () => {
    const [vars = ""] = /^\[vars\]\n(?:[^[]|(?<!\n)\[)*/m.exec(read(`wrangler.${worker}.toml`)) ?? [];
    const given = [...vars.matchAll(/^([A-Z_]+) = "([^"]*)"/gm)];
    expect(given.length).toBeGreaterThan(5);
    for (const [, name = "", text = ""] of given) {
      const setting = table.find(([known]) => known === name)?.[1];
      expect([name, setting?.read(text)]).not.toEqual([name, undefined]);
    }
  });
});

describe("routes", () => {
  const routes: Record<Worker, Route[]> = { sender: [], receiver: [] };
  beforeAll(async () => {
    for (const worker of WORKERS) routes[worker] = await routesOf(worker);
  });

  it.each(readmes)("that $path names exist", ({ spans, blocks }) => {
    const named = spans.flatMap((span) => routesIn(span).filter(({ path }) => !/^\/(assets)?$/.test(path)));
    const every = [...routes.sender, ...routes.receiver];
    const missing = named.filter(({ method, path }) => !every.some((route) => answers(route, method, path)));
    expect(missing).toEqual([]);
    for (const worker of WORKERS) {
      const called = blocks.flatMap((block) => all(block, new RegExp(`${PORTS[worker]}(/[^\\s?"']*)`, "g")));
      expect(called.filter((path) => !routes[worker].some((route) => answers(route, null, path)))).toEqual([]);
    }
  });

  it.each(WORKERS)("of the %s are all named in its README", (worker) => {
    const { spans = [] } = readmes.find(({ path }) => path === `workers/${worker}/README.md`) ?? {};
    const plain = (path: string) => path.replace(/:\w+|<\w+>/g, ":");
    const named = spans.flatMap(routesIn).map(({ method, path }) => `${method} ${plain(path)}`);
    const lacking = routes[worker]
      .filter(({ path }) => !path.startsWith("/assets/"))
      .filter(
        ({ method, path }) =>
          !named.some(
            (name) => name.endsWith(` ${plain(path)}`) && (method === "ALL" || name.startsWith(`${method} `)),
          ),
      );
    expect(routes[worker].length).toBeGreaterThan(15);
    expect(lacking).toEqual([]);
  });
});

it("the table of providers has every scheme", async () => {
  await routesOf("receiver");
  const { schemes } = await import("../../workers/receiver/verify/schemes/index.ts");
  const { rows = [] } = readmes.find(({ path }) => path === "workers/receiver/verify/README.md") ?? {};
  const named = rows.filter((row) => row.length === 6).map(([scheme]) => scheme?.replaceAll("`", ""));
  expect(named.slice(2).sort()).toEqual([...Object.keys(schemes), "hmac", "http_signature", "public_key"].sort());
});

describe("rooms", () => {
  type Override = { includes: string[]; linter?: unknown };
  const { overrides } = JSON.parse(read(".biome.json")) as { overrides: Override[] };
  const rooms = overrides.flatMap(({ includes: [glob = ""], linter }) => {
    const [, folder, room] = /^(.+)\/(\w+)\/\*\*$/.exec(glob) ?? [];
    const [, allowed] = /"message":"\w+ may import only (.+?)\."/.exec(JSON.stringify(linter ?? "")) ?? [];
    return folder === undefined || allowed === undefined ? [] : [{ folder, room, allowed }];
  });

  it.each(rooms)("$folder/$room may import what its README says", ({ folder, room, allowed }) => {
    const { rows = [] } = readmes.find(({ path }) => path === `${folder}/README.md`) ?? {};
    expect(rows.find(([name]) => name === `\`${room}\``)?.at(-1)).toBe(allowed);
  });
});

describe.each(WORKERS)("the invariants of the %s", (worker) => {
  const { text = "" } = readmes.find(({ path }) => path === `workers/${worker}/README.md`) ?? {};
  const names = new Map([...text.matchAll(/\*\*(I\d) \(([^)]+)\)\.\*\*/g)].map(([, number, name]) => [number, name]));

  it("are cited by number and name", () => {
    expect(names.size).toBeGreaterThan(3);
    const comments = code
      .filter((path) => path.startsWith(`workers/${worker}/`))
      .flatMap((path) => commentsIn(read(path)));
    const cited = comments.flatMap((comment) => [...comment.replace(/\bI\d to I\d\b/g, "").matchAll(CITATION)]);
    expect(cited.filter(([, number, name]) => names.get(number) !== name).map(([found]) => found)).toEqual([]);
  });
});
