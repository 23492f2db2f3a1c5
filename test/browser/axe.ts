import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "vitest";
import { expectNoSidewaysScroll, showNarrow, type Visit } from "./browser.ts";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Result = { id: string; impact: string | null; help: string; nodes: { target: string[] }[] };

/** Expects that axe finds nothing serious or critical on the page: WCAG 2.2 AA and its best practices. */
async function expectAccessible({ page }: Visit): Promise<void> {
  // The debugger evaluates it, whatever the page's policy forbids.
  await page.evaluate(SOURCE);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Result[] }> } };
    return (await axe.run()).violations;
  });
  const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const described = found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join("; ")}`,
  );
  expect(described, `axe on ${page.url()}`).toEqual([]);
}

/** Expects the same wide and light, then narrow and dark, where nothing may need sideways scrolling either. */
export async function expectReadable(visit: Visit): Promise<void> {
  await expectAccessible(visit);
  await showNarrow(visit);
  await expectNoSidewaysScroll(visit);
  await expectAccessible(visit);
}
