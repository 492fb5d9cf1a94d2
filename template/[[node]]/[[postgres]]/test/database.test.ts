import { EventEmitter } from "node:events";
import { afterAll, expect, test } from "vitest";
import { buildApp } from "../src/app.ts";
import { runCheck } from "../src/checks.ts";
import { loadConfig } from "../src/config.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig({ ...environment, LOG_LEVEL: "warn" });
const { lines, logger } = createTestLogger(config);
const app = buildApp(config, logger);

afterAll(() => app.close());

test("starts without the database, but is not ready", async () => {
  const response = await app.inject("/health/ready");
  expect(response.statusCode).toBe(503);
});

test("the check reports the kind of failure", async () => {
  const check = app.checks.get("database");
  expect(check && (await runCheck(check))).toMatchObject({ status: "error", error: "connection refused" });
});

test("a lost connection is logged and does not end the process", () => {
  const client = new EventEmitter();
  app.database.emit("connect", client as never);
  client.emit("error", new Error("terminated"));
  app.database.emit("error", new Error("terminated"), undefined as never);
  expect(lines).toContainEqual(expect.objectContaining({ level: "warn", msg: "a database connection was lost" }));
});
