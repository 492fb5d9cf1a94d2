import type { FastifyBaseLogger } from "fastify";
import { pino } from "pino";
import type { Config } from "../src/config.ts";
import { loggerOptions } from "../src/logger.ts";

/** Creates a logger that keeps its lines, parsed, for a test to look at. */
export function createTestLogger(config: Config) {
  const lines: Record<string, unknown>[] = [];
  const logger: FastifyBaseLogger = pino(loggerOptions(config), { write: (line) => lines.push(JSON.parse(line)) });
  return { lines, logger };
}
