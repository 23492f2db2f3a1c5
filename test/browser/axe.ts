import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "vitest";
import { expectNoSidewaysScroll, showNarrow, type Visit } from "./browser.ts";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

type Result = { id: string; impact: string | null; help: string; nodes: { target: string[] }[] };

/** Rules of axe whose outcome depends on the width of the page and its colours. */
const APPEARANCE = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"];

/** Expects that axe finds nothing serious or critical on the page: WCAG 2.2 AA and its best practices, or some rules. */
async function expectAccessible({ page }: Visit, rules?: readonly string[]): Promise<void> {
  // The debugger evaluates it, whatever the page's policy forbids.
  await page.evaluate(SOURCE);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const violations = await page.evaluate(async (chosen) => {
    const { axe } = globalThis as unknown as { axe: { run(chosen: object): Promise<{ violations: Result[] }> } };
    return (await axe.run(chosen)).violations;
  }, options);
  const found = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const described = found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target).join("; ")}`,
  );
  expect(described, `axe on ${page.url()}`).toEqual([]);
}

/**
 * Expects the same wide and light, and no fault of its appearance narrow and dark, where nothing may need sideways
 * scrolling either.
 */
export async function expectReadable(visit: Visit): Promise<void> {
  await expectAccessible(visit);
  await showNarrow(visit);
  await expectNoSidewaysScroll(visit);
  await expectAccessible(visit, APPEARANCE);
}
