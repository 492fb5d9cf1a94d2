import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";

/** The result of a program of the service. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running program of the service. */
export interface Running {
  process: ChildProcess;
  /** Resolves when the program exits. */
  outcome: Promise<Outcome>;
}

/**
 * Starts a built program of the service.
 *
 * @param program its name in dist/, such as main
 * @param environment its whole environment
 */
export function start(program: string, environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [`dist/${program}.js`], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const code = once(child, "exit").then(([exitCode]) => exitCode);
  const outcome = Promise.all([code, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({
    code,
    stdout,
    stderr,
  }));
  return { process: child, outcome };
}

/** Runs a built program of the service until it exits. */
export function run(program: string, environment: Record<string, string>): Promise<Outcome> {
  return start(program, environment).outcome;
}

/**
 * Sends requests until a response has the status, for at most 30 s.
 *
 * @returns the response
 * @throws Error if no response has it
 */
export async function waitForStatus(url: string, status: number): Promise<Response> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.status === status) {
      return response;
    }
    await wait(100);
  }
  throw new Error(`${url} did not answer with ${status}`);
}
