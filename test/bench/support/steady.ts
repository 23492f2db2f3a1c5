import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Requests by Node's own client: at an even rate, or as many as some connections carry one after the other. */

export type Request = { url: string; body: string; headers: Record<string, string> };
/** `ms`: until the whole answer was there, counted from the time that the request was due. */
export type Answer = { status: number; ms: number; endedAt: number };

/**
 * Makes each request when it is due, whether or not earlier ones were answered: a slow answer delays no later request.
 * `status` 0 stands for a request that failed.
 */
export async function steadily(amount: number, perSecond: number, make: () => Request): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true });
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  for (let index = 0; index < amount; index++) {
    const due = start + (index * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()));
    answers.push(post(agent, make(), due));
  }
  const all = await Promise.all(answers);
  agent.destroy();
  return all;
}

/** Makes each request when one of `connections` is free; a server may close after each answer. */
export async function rushed(amount: number, connections: number, make: () => Request): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers: Answer[] = [];
  let made = 0;
  const worker = async () => {
    while (made++ < amount) answers.push(await post(agent, make(), performance.now()));
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
  return answers;
}

function post(agent: Agent, { url, body, headers }: Request, due: number): Promise<Answer> {
  return new Promise((resolve) => {
    const end = (status: number) => resolve({ status, ms: performance.now() - due, endedAt: Date.now() });
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => end(response.statusCode ?? 0));
    });
    sent.on("error", () => end(0));
    sent.setNoDelay(true);
    sent.end(body);
  });
}
