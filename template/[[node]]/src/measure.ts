import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { failureOf } from "./checks.ts";

/** What to ask for, and how good the answers have to be. */
export interface Measurement {
  /** Asked for in turn. */
  urls: URL[];
  /** Whom the requests ask for in their Host header: the host of the URL unless told. */
  host?: string | undefined;
  /** How many requests are sent in all. */
  requests: number;
  /** How many are sent a second. */
  rate: number;
  /** How long a single one may take. */
  timeoutMs: number;
  /** How many may fail. */
  maxFailurePercent: number;
  /** How high the 95th percentile of latency may be. */
  maxP95Milliseconds: number;
}

/** What was found out. */
export interface Report {
  requests: number;
  /** The number of failed requests by kind, such as "status 500" or "timeout". */
  failures: Record<string, number>;
  /** Rounded to two decimals. */
  failurePercent: number;
  /** That of the requests that succeeded or, if none did, of all. */
  p95Milliseconds: number;
  /** Whether both figures are within their limits. */
  passed: boolean;
}

interface Outcome {
  failure: string | undefined;
  latencyMs: number;
}

/**
 * Sends GET requests at a steady pace, however slow the answers are: all of it takes (requests - 1) / rate seconds and
 * the timeout at most.
 *
 * @returns how the requests went; never rejects
 */
export async function measure(measurement: Measurement): Promise<Report> {
  const { urls, host, requests, rate, timeoutMs } = measurement;
  const startedAt = performance.now();
  const sent: Promise<Outcome>[] = [];
  while (sent.length < requests) {
    for (const url of urls.slice(0, requests - sent.length)) {
      await wait(Math.max(0, startedAt + (sent.length * 1_000) / rate - performance.now()));
      sent.push(send(url, host, timeoutMs));
    }
  }
  return report(await Promise.all(sent), measurement);
}

async function send(url: URL, host: string | undefined, timeoutMs: number): Promise<Outcome> {
  const signal = AbortSignal.timeout(timeoutMs);
  const startedAt = performance.now();
  const failure = await ask(url, host, signal).then(
    (status) => (status >= 200 && status < 400 ? undefined : `status ${status}`),
    (error) => (signal.aborted ? "timeout" : failureOf(error)),
  );
  return { failure, latencyMs: performance.now() - startedAt };
}

/** Returns the status of an answer that has arrived as a whole. */
function ask(url: URL, host: string | undefined, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const get = url.protocol === "https:" ? getHttps : getHttp;
  // Through a load balancer each new connection may reach another instance: without an agent none is kept.
  const request = get(url, { agent: false, headers: { host: host ?? url.host }, signal }, (response) => {
    response.on("end", () => resolve(response.statusCode ?? 0));
    response.on("error", reject);
    response.resume();
  });
  request.on("error", reject);
  return promise;
}

function report(outcomes: Outcome[], { maxFailurePercent, maxP95Milliseconds }: Measurement): Report {
  const failures: Record<string, number> = {};
  for (const { failure } of outcomes) {
    if (failure) {
      failures[failure] = (failures[failure] ?? 0) + 1;
    }
  }
  const succeeded = outcomes.filter(({ failure }) => !failure);
  const failurePercent = (100 * (outcomes.length - succeeded.length)) / outcomes.length;
  const latencies = (succeeded.length > 0 ? succeeded : outcomes).map(({ latencyMs }) => latencyMs);
  const p95Milliseconds = Math.ceil(percentile(latencies, 95));
  return {
    requests: outcomes.length,
    failures,
    failurePercent: Math.round(100 * failurePercent) / 100,
    p95Milliseconds,
    passed: failurePercent <= maxFailurePercent && p95Milliseconds <= maxP95Milliseconds,
  };
}

/** Returns the smallest value that so many percent of all do not exceed: the nearest rank. */
function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
}
