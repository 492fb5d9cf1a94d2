import type { FastifyBaseLogger } from "fastify";
import { pino } from "pino";
import type { Config } from "../src/config.ts";
import { loggerOptions } from "../src/logger.ts";

/** Creates a logger that stores its parsed lines for assertions. */
export function createTestLogger(config: Config) {
  const lines: Record<string, unknown>[] = [];
  const logger: FastifyBaseLogger = pino(loggerOptions(config), { write: (line) => lines.push(JSON.parse(line)) });
  return { lines, logger };
}
