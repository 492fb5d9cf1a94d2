// Measures a running service, this one or another; see USAGE.
import { parseArgs } from "node:util";
import { type Measurement, measure } from "./measure.ts";

const USAGE = `usage: node dist/probe.js [OPTIONS] URL [URL ...]

Sends GET requests to the URLs in turn, at a constant rate, each on a new connection, and checks the responses.

options:
  --host NAME                    Host header (default: the host of the URL)
  --requests NUMBER              total number of requests, 1 to 10000 (default 60)
  --rate NUMBER                  requests per second, 0.1 to 100 (default 10)
  --timeout-seconds NUMBER       time limit of a request, 0.1 to 60 (default 2)
  --max-failure-percent NUMBER   allowed share of failures, 0 to 100 (default 1)
  --max-p95-milliseconds NUMBER  allowed 95th percentile of latency, 1 to 60000 (default 500)

A request fails if its response is not complete in time or its status is not 200 to 399; redirects are not followed.
Latency is the time from the name lookup to the last byte of the response. The 95th percentile is the nearest rank,
rounded up, of the successful requests, or of all if none succeeded.

The result is one line of JSON on stdout:
  {"requests":60,"failures":{"status 500":3},"failurePercent":5,"p95Milliseconds":12,"passed":false}
Kinds of failures: status NNN, timeout, connection refused, name not resolved, unavailable (anything else).

exit codes: 0 passed, 1 failed, 2 wrong usage
`;

const measurement = readArgumentsOrExit();
const report = await measure(measurement);
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(report.passed ? 0 : 1);

function readArgumentsOrExit(): Measurement {
  try {
    return readArguments();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nRun node dist/probe.js --help for usage.\n`);
    process.exit(2);
  }
}

function readArguments(): Measurement {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      host: { type: "string" },
      requests: { type: "string", default: "60" },
      rate: { type: "string", default: "10" },
      "timeout-seconds": { type: "string", default: "2" },
      "max-failure-percent": { type: "string", default: "1" },
      "max-p95-milliseconds": { type: "string", default: "500" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (positionals.length === 0) {
    throw new Error("a URL is missing");
  }
  return {
    urls: positionals.map(readUrl),
    host: values.host,
    requests: readWholeNumber("--requests", values.requests, 1, 10_000),
    rate: readNumber("--rate", values.rate, 0.1, 100),
    timeoutMs: Math.round(1_000 * readNumber("--timeout-seconds", values["timeout-seconds"], 0.1, 60)),
    maxFailurePercent: readNumber("--max-failure-percent", values["max-failure-percent"], 0, 100),
    maxP95Milliseconds: readWholeNumber("--max-p95-milliseconds", values["max-p95-milliseconds"], 1, 60_000),
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new Error(`URL "${text}": expects one like http://orders/health/ready`);
  }
  return url;
}

function readWholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new Error(`${option} "${text}": expects a whole number from ${least} to ${most}`);
  }
  return value;
}

function readNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most) {
    throw new Error(`${option} "${text}": expects a number from ${least} to ${most}`);
  }
  return value;
}
