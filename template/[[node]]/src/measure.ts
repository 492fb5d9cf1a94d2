import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { failureOf } from "./checks.ts";

/** The requests to send and the limits that they must meet. */
export interface Measurement {
  /** Requested in turn. */
  urls: URL[];
  /** The Host header; default: the host of the URL. */
  host?: string | undefined;
  /** The total number of requests. */
  requests: number;
  /** Requests per second. */
  rate: number;
  /** The time limit of a request. */
  timeoutMs: number;
  /** The largest allowed share of failures. */
  maxFailurePercent: number;
  /** The largest allowed 95th percentile of latency. */
  maxP95Milliseconds: number;
}

/** The result of a measurement. */
export interface Report {
  requests: number;
  /** The number of failed requests by kind, such as "status 500" or "timeout". */
  failures: Record<string, number>;
  /** Rounded to two decimals. */
  failurePercent: number;
  /** Of the successful requests, or of all if none succeeded. */
  p95Milliseconds: number;
  /** Whether both limits are met. */
  passed: boolean;
}

interface Outcome {
  failure: string | undefined;
  latencyMs: number;
}

/**
 * Sends GET requests at a constant rate, however slow the responses are. The total time is at most
 * (requests - 1) / rate seconds plus the timeout.
 *
 * @returns the report; never rejects
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
  const failure = await fetchStatus(url, host, signal).then(
    (status) => (status >= 200 && status < 400 ? undefined : `status ${status}`),
    (error) => (signal.aborted ? "timeout" : failureOf(error)),
  );
  return { failure, latencyMs: performance.now() - startedAt };
}

/** Returns the status of a complete response. */
function fetchStatus(url: URL, host: string | undefined, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const get = url.protocol === "https:" ? getHttps : getHttp;
  // No agent, so each request opens a connection: a load balancer can send each to another instance.
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

/** Returns the percentile by the nearest-rank method. */
function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
}
