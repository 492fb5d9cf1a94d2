import type { FastifyBaseLogger } from "fastify";
import { type LoggerOptions, pino, stdTimeFunctions } from "pino";
import { type Config, SERVICE } from "./config.ts";

/** Returns what every log line has: time, level by name, service and version; never a header or a query string. */
export function loggerOptions(config: Config): LoggerOptions {
  return {
    level: config.LOG_LEVEL,
    base: { service: SERVICE, version: config.APP_VERSION },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    // Fastify's own lines bring whole requests and responses: left out.
    serializers: { req: () => undefined, res: () => undefined },
  };
}

/**
 * Creates the logger: one JSON object a line on stdout, in development lines for people.
 *
 * @param config the level, the mode and the version
 */
export async function createLogger(config: Config): Promise<FastifyBaseLogger> {
  const options = loggerOptions(config);
  return config.NODE_ENV === "development" ? pino(options, await prettyStream()) : pino(options);
}

/** Returns a stream of lines for people; plain stdout in the image, which has no development dependencies. */
async function prettyStream() {
  try {
    const { default: pretty } = await import("pino-pretty");
    return pretty({ ignore: "pid,hostname,service,version", singleLine: true, sync: true });
  } catch {
    return process.stdout;
  }
}
