import { execFile, execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { root } from "./workers.ts";

/**
 * The code beside an endpoint's secret does what it says, in each language that this machine has. Go's is run with
 * SNIPPETS=all.
 */

const run = promisify(execFile);
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY = '{"type":"order.paid","data":{"name":"Zoë","total":1.10}}';
const folder = mkdtempSync(join(tmpdir(), "webhooks-snippets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Case = { id: string; timestamp: string; signature: string; body: string; genuine: boolean };

function sign(id: string, timestamp: string, body = BODY): string {
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function cases(): Case[] {
  const now = Math.floor(Date.now() / 1000);
  const at = (seconds: number) => String(now + seconds);
  const other = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";
  const made = (timestamp: string, part: Partial<Case> = {}): Case => ({
    ...{ id: "msg_a", timestamp, signature: sign("msg_a", timestamp), body: BODY, genuine: false },
    ...part,
  });
  return [
    made(at(0), { genuine: true }),
    made(at(-240), { genuine: true }),
    made(at(0), { signature: `${other} ${sign("msg_a", at(0))}`, genuine: true }),
    made(at(0), { signature: `v1a,${sign("msg_a", at(0)).slice(3)}` }),
    made(at(0), { signature: other }),
    made(at(0), { signature: "" }),
    made(at(0), { signature: "v1," }),
    made(at(0), { body: BODY.replace("1.10", "1.1") }),
    made(at(0), { id: "msg_b" }),
    made(at(-400)),
    made(at(400)),
    made("1e9"),
    made(""),
  ];
}

/** A file with the code and a main program that prints one word for each case of the file that it is given. */
type Language = { file: string; driver: string; command: (file: string) => [string, string[]]; needs: string[] };

const LANGUAGES: Record<string, Language> = {
  node: {
    file: "main.mjs",
    driver: `
import { readFileSync } from "node:fs";
for (const { id, timestamp, signature, body } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  console.log(verify("${SECRET}", headers, Buffer.from(body)));
}`,
    command: (file) => [process.execPath, [file]],
    needs: [process.execPath, "--version"],
  },
  python: {
    file: "main.py",
    driver: `
import json, sys
for case in json.load(open(sys.argv[1], encoding="utf-8")):
    headers = {f"webhook-{name}": case[name] for name in ("id", "timestamp", "signature")}
    print(str(verify("${SECRET}", headers, case["body"].encode())).lower())`,
    command: (file) => ["python3", [file]],
    needs: ["python3", "--version"],
  },
  java: {
    file: "Main.java",
    driver: `
class Main {
  public static void main(String[] args) throws Exception {
    for (String line : java.nio.file.Files.readAllLines(java.nio.file.Path.of(args[0] + ".tsv"))) {
      String[] part = line.split("\\t", -1);
      Map<String, String> headers = Map.of("webhook-id", part[0], "webhook-timestamp", part[1], "webhook-signature", part[2]);
      System.out.println(Webhooks.verify("${SECRET}", headers, part[3].getBytes(StandardCharsets.UTF_8)));
    }
  }
}`,
    command: (file) => ["java", [file]],
    needs: ["javac", "-version"],
  },
  go: {
    file: "verify.go",
    driver: "",
    command: (file) => ["go", ["run", file, join(file, "../main.go")]],
    // Without a cache it compiles its library for half a minute: too dear for every run.
    needs: process.env.SNIPPETS === "all" ? ["go", "version"] : ["false"],
  },
  php: {
    file: "main.php",
    driver: `
foreach (json_decode(file_get_contents($argv[1]), true) as $case) {
    $headers = [];
    foreach (["id", "timestamp", "signature"] as $name) $headers["webhook-$name"] = $case[$name];
    echo verify("${SECRET}", $headers, $case["body"]) ? "true\\n" : "false\\n";
}`,
    command: (file) => ["php", [file]],
    needs: ["php", "--version"],
  },
};

const GO_MAIN = `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	text, _ := os.ReadFile(os.Args[1])
	var cases []map[string]any
	json.Unmarshal(text, &cases)
	for _, c := range cases {
		headers := http.Header{}
		for _, name := range []string{"id", "timestamp", "signature"} {
			headers.Set("webhook-"+name, c[name].(string))
		}
		fmt.Println(Verify("${SECRET}", headers, []byte(c["body"].(string))))
	}
}
`;

function isThere([command = "", ...args]: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each(Object.entries(LANGUAGES))("the code for %s", (language, { file, driver, command, needs }) => {
  it.skipIf(!isThere(needs))("takes what is genuine, and nothing else", async () => {
    const place = join(folder, language);
    mkdirSync(place);
    const code = readFileSync(join(root, "workers/sender/dashboard/snippets", `${language}.txt`), "utf8");
    writeFileSync(
      join(place, file),
      language === "java" ? code.replace(/^class /m, `${driver}\n\n$&`) : `${code}${driver}\n`,
    );
    if (language === "go") writeFileSync(join(place, "main.go"), GO_MAIN);
    const list = cases();
    const input = join(place, "cases.json");
    writeFileSync(input, JSON.stringify(list));
    const lines = list.map(({ id, timestamp, signature, body }) => [id, timestamp, signature, body].join("\t"));
    writeFileSync(`${input}.tsv`, lines.join("\n"));
    const [program, args] = command(join(place, file));
    const { stdout } = await run(program, [...args, input], { cwd: place });
    expect(stdout.trim().split("\n")).toEqual(list.map(({ genuine }) => String(genuine)));
  });
});
