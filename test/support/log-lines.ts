import { vi } from "vitest";

/** One line of a Worker's own log. */
export type LogLine = { event: string; [field: string]: unknown };

/** Keeps the lines that the Workers log from now on, until the mocks are restored. */
export function keepLogLines(): LogLine[] {
  const lines: LogLine[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
  return lines;
}
