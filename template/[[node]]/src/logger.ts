import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import { type LoggerOptions, pino, stdTimeFunctions } from "pino";
import { type Config, SERVICE } from "./config.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** For frequent requests of machines: logged at debug level, not counted in the metrics. */
    quiet?: boolean;
  }
}

/** The fields of every log line: time, level, service and version; no headers, no query strings. */
export function loggerOptions(config: Config): LoggerOptions {
  return {
    level: config.LOG_LEVEL,
    base: { service: SERVICE, version: config.APP_VERSION },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    // Omit the requests and responses that Fastify adds to its own lines.
    serializers: { req: () => undefined, res: () => undefined },
  };
}

/**
 * Creates the logger: JSON lines on stdout, readable lines in development.
 *
 * @param config level, mode and version
 */
export async function createLogger(config: Config): Promise<FastifyBaseLogger> {
  const options = loggerOptions(config);
  return config.NODE_ENV === "development" ? pino(options, await prettyStream()) : pino(options);
}

/** Returns a stream of readable lines, or stdout if pino-pretty, a development dependency, is not installed. */
async function prettyStream() {
  try {
    const { default: pretty } = await import("pino-pretty");
    return pretty({ ignore: "pid,hostname,service,version", singleLine: true, sync: true });
  } catch {
    return process.stdout;
  }
}

/** Logs one line per request, after its response. */
export class RequestLog extends LogController {
  readonly #logsQuiet: boolean;

  /** @param logsQuiet whether to log the requests of quiet routes */
  constructor(logsQuiet: boolean) {
    super({ requestIdLogLabel: "requestId" });
    this.#logsQuiet = logsQuiet;
  }

  override incomingRequest(): void {
    // Logged once, by requestCompleted.
  }

  override requestCompleted(error: Error | null, request: FastifyRequest, reply: FastifyReply): void {
    const isQuiet = request.routeOptions.config.quiet === true;
    if (isQuiet && !this.#logsQuiet) {
      return;
    }
    const line = {
      method: request.method,
      path: request.url.split("?", 1)[0],
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      ...(error && { err: error }),
    };
    request.log[isQuiet ? "debug" : "info"](line, "request");
  }
}
