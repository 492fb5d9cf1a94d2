import { afterAll, expect, test, vi } from "vitest";
import { buildApp } from "../src/app.ts";
import { runCheck } from "../src/checks.ts";
import { loadConfig } from "../src/config.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig({ ...environment, LOG_LEVEL: "info", READY_REQUIRES: "redis" });
const { lines, logger } = createTestLogger(config);
const app = buildApp(config, logger);

afterAll(() => app.close());

test("starts without Redis, but is not ready if it requires Redis", async () => {
  const response = await app.inject("/health/ready");
  expect(response.statusCode).toBe(503);
});

test("is ready without Redis if it does not require Redis", async () => {
  const optional = buildApp(loadConfig({ ...environment, READY_REQUIRES: "none" }), logger);
  const response = await optional.inject("/health/ready");
  expect(response.statusCode).toBe(200);
  await optional.close();
});

test("the check reports the kind of failure", async () => {
  const check = app.checks.get("redis");
  await vi.waitFor(async () => {
    expect(check && (await runCheck(check))).toMatchObject({ status: "error", error: "connection refused" });
  });
});

test("logs a repeated failure once until the connection recovers", () => {
  const isLost = (line: object) => "msg" in line && line.msg === "the connection to Redis failed";
  app.redis.emit("ready");
  lines.length = 0;
  app.redis.emit("error", new Error("lost"));
  app.redis.emit("error", new Error("lost"));
  expect(lines.filter(isLost)).toHaveLength(1);
  app.redis.emit("ready");
  expect(lines).toContainEqual(expect.objectContaining({ level: "info", msg: "connected to Redis" }));
});
