import type { Measured } from "./run.ts";
import type { Carrier, Traffic } from "./wire.ts";

/** Tells the ways to consume apart by the counts at their sockets. */

export type Nature = { calls: string; flows: string; publicUrl: "yes" | "no" };

const FLOWS: Record<Carrier, string> = {
  answer: "in answers",
  "open answer": "in an open answer",
  request: "in requests",
};

/** The side that opened connections is the caller; a consumer that accepted any must be reachable. */
export function natureOf({ opened, accepted, brought }: Traffic): Nature {
  const callers = [opened > 0 ? ["consumer"] : [], accepted > 0 ? ["producer"] : []].flat();
  const carriers = Object.keys(FLOWS) as Carrier[];
  return {
    calls: callers.join(" and "),
    flows: carriers
      .filter((carrier) => brought[carrier] > 0)
      .map((carrier) => FLOWS[carrier])
      .join(" and "),
    publicUrl: accepted > 0 ? "yes" : "no",
  };
}

/** Adds up each consumer's counts of all phases, in the order of the first. */
export function totals(phases: readonly Measured[][]): (Traffic & { consumer: string; events: number })[] {
  return (phases[0] ?? []).map(({ consumer }) => {
    const rows = phases.flat().filter((row) => row.consumer === consumer);
    const sum = (of: (row: Measured) => number) => rows.reduce((all, row) => all + of(row), 0);
    return {
      ...{ consumer, events: sum(({ events }) => events), requests: sum(({ requests }) => requests) },
      ...{ opened: sum(({ opened }) => opened), accepted: sum(({ accepted }) => accepted) },
      ...{ bytesIn: sum(({ bytesIn }) => bytesIn), bytesOut: sum(({ bytesOut }) => bytesOut) },
      brought: {
        answer: sum(({ brought }) => brought.answer),
        "open answer": sum(({ brought }) => brought["open answer"]),
        request: sum(({ brought }) => brought.request),
      },
    };
  });
}
