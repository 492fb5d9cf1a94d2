import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Check, CheckError } from "../src/checks.ts";
import { loadConfig } from "../src/config.ts";
import { addHealth } from "../src/health.ts";
import { createServer } from "../src/server.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig({ ...environment, APP_VERSION: "1.2.3", LOG_LEVEL: "info" });

let app: FastifyInstance;
let lines: Record<string, unknown>[];

beforeEach(() => {
  const log = createTestLogger(config);
  lines = log.lines;
  app = createServer(config, log.logger);
  addHealth(app, config);
});

afterEach(async () => {
  vi.useRealTimers();
  await app.close();
});

function addCheck(name: string, run: Check["run"], required = true): void {
  app.checks.set(name, { run, required });
}

function fail(error: unknown): Check["run"] {
  return () => Promise.reject(error);
}

function detailed(authorization = `Bearer ${environment.HEALTH_TOKEN}`) {
  return app.inject({ url: "/health/detailed", headers: { authorization } });
}

describe("/health", () => {
  test.each(["/health", "/health/"])("%s is always ok", async (url) => {
    addCheck("database", fail(new Error()));
    app.draining = true;
    const response = await app.inject(url);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ status: "ok" });
  });

  test("answers HEAD", async () => {
    const response = await app.inject({ method: "HEAD", url: "/health" });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe("");
  });
});

describe("/health/ready", () => {
  test("is ok if all required dependencies work", async () => {
    addCheck("database", async () => {});
    addCheck("optional", fail(new Error()), false);
    const response = await app.inject("/health/ready");
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ status: "ok" });
  });

  test("is unavailable if a required dependency fails", async () => {
    addCheck("database", fail(new Error()));
    const response = await app.inject("/health/ready");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ status: "unavailable" });
  });

  test("is unavailable while draining", async () => {
    app.draining = true;
    const response = await app.inject("/health/ready");
    expect(response.statusCode).toBe(503);
  });
});

describe("/health/detailed", () => {
  test.each(["", "Bearer", "Bearer wrong", `Basic ${environment.HEALTH_TOKEN}`, environment.HEALTH_TOKEN])(
    "refuses %j",
    async (authorization) => {
      const response = await detailed(authorization);
      expect(response.statusCode).toBe(401);
      expect(response.headers["www-authenticate"]).toBe("Bearer");
    },
  );

  test("reports every check", async () => {
    addCheck("database", async () => {});
    const response = await detailed();
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      status: "ok",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      version: "1.2.3",
      uptime: expect.any(Number),
      checks: { database: { status: "ok", latencyMs: expect.any(Number) } },
    });
  });

  test.each([
    [new CheckError("authentication failed"), "authentication failed"],
    [Object.assign(new Error(), { code: "ECONNREFUSED" }), "connection refused"],
    [Object.assign(new Error(), { code: "ENOTFOUND" }), "name not resolved"],
    [Object.assign(new Error(), { code: "ETIMEDOUT" }), "timeout"],
    [new TypeError("fetch failed", { cause: { code: "EAI_AGAIN" } }), "name not resolved"],
    [new Error("https://app:hunter2@dependency/app is down"), "unavailable"],
    [undefined, "unavailable"],
  ])("reports only the kind of failure: %s is %s", async (error, failure) => {
    addCheck("optional", fail(error), false);
    const response = await detailed();
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({
      status: "degraded",
      checks: { optional: { status: "error", error: failure } },
    });
    expect(response.body).not.toContain("hunter2");
  });

  test.each([
    [true, "error"],
    [false, "warn"],
  ])("logs an outage and its end once; required: %s, level: %s", async (required, level) => {
    const outcomes = [false, true, true, false, false];
    const down = fail(new Error("https://app:hunter2@dependency/app is down"));
    addCheck("database", async () => outcomes.shift() && down(), required);
    while (outcomes.length > 0) {
      await detailed();
    }
    expect(lines).toMatchObject([
      { level, msg: "dependency failed", dependency: "database", cause: "unavailable" },
      { level: "info", msg: "dependency recovered", dependency: "database" },
    ]);
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  });

  test("waits 2 seconds for a check and runs it once for concurrent requests", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const run = vi.fn(() => new Promise(() => {}));
    addCheck("database", run);
    const responses = Promise.all([detailed(), detailed()]);
    await vi.waitFor(() => expect(run).toHaveBeenCalled());
    vi.advanceTimersByTime(2_000);
    for (const response of await responses) {
      expect(response.json()).toMatchObject({ checks: { database: { error: "timeout" } } });
    }
    expect(run).toHaveBeenCalledTimes(1);
  });
});
