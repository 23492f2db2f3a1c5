import { describe, expect, it } from "vitest";
import { filesBelow, read, SOURCE } from "./files.ts";
import { commentsIn, definitionsIn, hasFirstComment, sentencesIn } from "./source.ts";

/** The manners of the code that no linter checks: folders, names and comments. */

const MAX_FILES = 25;
/** The share of sentences that may begin with a question word. */
const MAX_QUESTIONS = 0.03;
const QUESTION = /^(What|Whether|How|Who)\b/;

const files = ["workers", "shared", "test"].flatMap(filesBelow);
const sources = files.filter((path) => SOURCE.test(path));
const product = sources.filter((path) => !path.startsWith("test/"));

describe("folders", () => {
  it(`have at most ${MAX_FILES} files each`, () => {
    const folders = Map.groupBy(files, (path) => path.slice(0, path.lastIndexOf("/")));
    expect([...folders].filter(([, inside]) => inside.length > MAX_FILES).map(([folder]) => folder)).toEqual([]);
  });
});

describe("comments", () => {
  it("stand first in every file", () => {
    expect(product.filter((path) => !hasFirstComment(read(path)))).toEqual([]);
  });

  it("have their subject first", () => {
    const sentences = sources.flatMap((path) => commentsIn(read(path)).flatMap(sentencesIn));
    const questions = sentences.filter((sentence) => QUESTION.test(sentence));
    expect(sentences.length).toBeGreaterThan(1000);
    expect(questions.length / sentences.length, questions.join("\n")).toBeLessThan(MAX_QUESTIONS);
  });
});

describe("names", () => {
  const client = /^workers\/receiver\/viewer\/client\/.*\.js$/;
  const within = (...folders: string[]) =>
    product.filter((path) => /\.tsx?$/.test(path) && folders.some((folder) => path.startsWith(`${folder}/`)));

  it.each([
    ["the sender", within("workers/sender", "shared")],
    ["the receiver", within("workers/receiver", "shared")],
    ["the pages' scripts", product.filter((path) => client.test(path))],
  ])("are defined once in %s", (_name, paths) => {
    const places = new Map<string, string[]>();
    for (const path of paths) {
      for (const name of new Set(definitionsIn(read(path)))) places.set(name, [...(places.get(name) ?? []), path]);
    }
    places.delete("Props");
    expect(
      [...places].filter(([, defining]) => defining.length > 1).map(([name, defining]) => [name, ...defining]),
    ).toEqual([]);
  });
});
