import { afterEach, expect, test, vi } from "vitest";
import { loadConfig, SERVICE } from "../src/config.ts";
import { createLogger } from "../src/logger.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

afterEach(() => {
  vi.doUnmock("pino-pretty");
});

test("writes JSON with the time, the level's name, the service and its version", () => {
  const { lines, logger } = createTestLogger(loadConfig({ ...environment, LOG_LEVEL: "info", APP_VERSION: "1.2.3" }));
  logger.debug("not logged");
  logger.warn({ reason: "low" }, "something");
  expect(lines).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: "warn",
      msg: "something",
      service: SERVICE,
      version: "1.2.3",
      reason: "low",
    },
  ]);
});

test.each(["production", "development"])("reads the level from LOG_LEVEL in %s", async (mode) => {
  const logger = await createLogger(loadConfig({ ...environment, NODE_ENV: mode, LOG_LEVEL: "warn" }));
  expect(logger.level).toBe("warn");
});

test("works without pino-pretty in development", async () => {
  vi.doMock("pino-pretty", () => {
    throw new Error("not installed");
  });
  const logger = await createLogger(loadConfig({ ...environment, NODE_ENV: "development", LOG_LEVEL: "warn" }));
  expect(logger.level).toBe("warn");
});
