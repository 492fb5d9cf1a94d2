import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Measurement, measure } from "../src/measure.ts";

let service: Server;
let answer: RequestListener;
let connections: number;
let requested: string[];

beforeEach(async () => {
  connections = 0;
  requested = [];
  service = createServer((request, response) => {
    requested.push(request.url ?? "");
    answer(request, response);
  });
  service.on("connection", () => {
    connections += 1;
  });
  await once(service.listen(0, "127.0.0.1"), "listening");
});

afterEach(() => {
  service.closeAllConnections();
  service.close();
});

/** Sends 20 requests in less than a second. */
function run(paths: string[] = ["/"], changes: Partial<Measurement> = {}) {
  const { port } = service.address() as AddressInfo;
  return measure({
    urls: paths.map((path) => new URL(path, `http://127.0.0.1:${port}`)),
    requests: 20,
    rate: 100,
    timeoutMs: 20_000,
    maxFailurePercent: 1,
    maxP95Milliseconds: 20_000,
    ...changes,
  });
}

/** Runs the program in an empty environment. */
function runProgram(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["src/probe.ts", ...args], { env: {} }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

test("requests each URL in turn, on new connections", async () => {
  answer = (_request, response) => response.end();
  const report = await run(["/", "/health?a=b"]);
  expect(report).toEqual({
    requests: 20,
    failures: {},
    failurePercent: 0,
    p95Milliseconds: expect.any(Number),
    passed: true,
  });
  expect(connections).toBe(20);
  expect(requested.filter((path) => path === "/")).toHaveLength(10);
  expect(requested.filter((path) => path === "/health?a=b")).toHaveLength(10);
});

test("sends another Host header", async () => {
  answer = (request, response) => response.writeHead(request.headers.host === "orders" ? 200 : 400).end();
  expect(await run()).toMatchObject({ failures: { "status 400": 20 } });
  expect(await run(["/"], { host: "orders" })).toMatchObject({ passed: true });
});

describe("failures", () => {
  test("are counted by kind", async () => {
    answer = (_request, response) => response.writeHead(requested.length % 4 === 0 ? 500 : 200).end();
    expect(await run()).toMatchObject({ failures: { "status 500": 5 }, failurePercent: 25, passed: false });
    expect(await run(["/"], { maxFailurePercent: 25 })).toMatchObject({ passed: true });
  });

  test.each([
    [204, true],
    [302, true],
    [401, false],
    [404, false],
  ])("status %i passes: %s", async (status, passed) => {
    answer = (_request, response) => response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    expect(await run()).toMatchObject({ passed });
  });

  test("include refused connections, unknown hosts and incomplete responses", async () => {
    expect(await run(["http://127.0.0.1:1/"])).toMatchObject({ failures: { "connection refused": 20 } });
    expect(await run(["http://host.invalid/"])).toMatchObject({ failures: { "name not resolved": 20 } });
    answer = (request, response) => {
      response.writeHead(200, { "content-length": "10" }).write(".", () => request.socket.destroy());
    };
    expect(await run()).toMatchObject({ failures: { unavailable: 20 } });
  });
});

describe("latency", () => {
  test("has a limit", async () => {
    answer = async (_request, response) => {
      await wait(requested.length % 10 === 0 ? 100 : 0);
      response.end();
    };
    const report = await run(["/"], { maxP95Milliseconds: 99 });
    expect(report).toMatchObject({ failures: {}, passed: false });
    expect(report.p95Milliseconds).toBeGreaterThanOrEqual(100);
  });

  test("excludes failed requests", async () => {
    answer = async (_request, response) => {
      const isBad = requested.length % 2 === 0;
      await wait(isBad ? 3_000 : 0);
      response.writeHead(isBad ? 503 : 200).end();
    };
    expect((await run()).p95Milliseconds).toBeLessThan(3_000);
  });

  test.each<[string, RequestListener]>([
    ["silent", () => {}],
    [
      "dripping",
      (_request, response) => {
        const dripping = setInterval(() => response.write("."), 20);
        response.on("close", () => clearInterval(dripping));
      },
    ],
  ])("of a %s response is limited by the timeout", async (_name, answers) => {
    answer = answers;
    const startedAt = performance.now();
    const report = await run(["/"], { timeoutMs: 1_000 });
    // In sequence they would take 20 seconds.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(report).toMatchObject({ failures: { timeout: 20 }, failurePercent: 100, passed: false });
    expect(report.p95Milliseconds).toBeGreaterThanOrEqual(1_000);
  });
});

describe("the program", () => {
  test("prints the result in one line and sets the exit code", async () => {
    answer = (request, response) => response.writeHead(request.url === "/missing" ? 404 : 200).end();
    const { port } = service.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    // Long enough for a busy machine.
    const limits = ["--timeout-seconds=20", "--max-p95-milliseconds", "20000"];
    const good = await runProgram(`${url}/`, "--requests=4", "--rate", "100", ...limits);
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(
      /^\{"requests":4,"failures":\{\},"failurePercent":0,"p95Milliseconds":\d+,"passed":true\}\n$/,
    );
    const bad = await runProgram("--requests=4", "--rate=100", ...limits, `${url}/`, `${url}/missing`);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(
      /^\{"requests":4,"failures":\{"status 404":2\},"failurePercent":50,"p95Milliseconds":\d+,"passed":false\}\n$/,
    );
  });

  test.each([
    ["", "a URL is missing"],
    ["--rate=5", "a URL is missing"],
    ["http://host --speed=5", "--speed"],
    ["ftp://host/", 'URL "ftp://host/": expects one like http://'],
    ["http://", 'URL "http://": expects one like http://'],
    ["http://host --requests 0", '--requests "0": expects a whole number from 1 to 10000'],
    ["http://host --requests 1.5", '--requests "1.5": expects a whole number from 1 to 10000'],
    ["http://host --rate=NaN", '--rate "NaN": expects a number from 0.1 to 100'],
    ["http://host --rate=", '--rate "": expects a number from 0.1 to 100'],
    ["http://host --timeout-seconds x", '--timeout-seconds "x": expects a number from 0.1 to 60'],
    ["http://host --max-failure-percent 101", '--max-failure-percent "101": expects a number from 0 to 100'],
    ["http://host --max-p95-milliseconds 0", '--max-p95-milliseconds "0": expects a whole number from 1 to 60000'],
  ])("refuses %j", async (args, message) => {
    const { code, stdout, stderr } = await runProgram(...args.split(" ").filter(Boolean));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("prints its usage", async () => {
    const { code, stdout } = await runProgram("--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: /);
  });
});
