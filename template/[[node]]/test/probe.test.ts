import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 30_000 }); // each test starts the program

let service: Server;
let url: string;

beforeAll(async () => {
  service = createServer((request, response) => response.writeHead(request.url === "/missing" ? 404 : 200).end());
  await once(service.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});

afterAll(() => {
  service.close();
});

/** Runs the program in an empty environment. */
function run(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["src/probe.ts", ...args], { env: {} }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

test("prints the result in one line and sets the exit code", async () => {
  const good = await run(`${url}/`, "--requests=4", "--rate", "100");
  expect(good.code).toBe(0);
  expect(good.stdout).toMatch(
    /^\{"requests":4,"failures":\{\},"failurePercent":0,"p95Milliseconds":\d+,"passed":true\}\n$/,
  );
  const bad = await run("--requests=4", "--rate=100", `${url}/`, `${url}/missing`);
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
  const { code, stdout, stderr } = await run(...args.split(" ").filter(Boolean));
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
});

test("prints its usage", async () => {
  const { code, stdout } = await run("--help");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^usage: /);
});
