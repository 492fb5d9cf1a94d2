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

/** Is called once per request, when its response was sent or cut off, with the status to count. */
export type RequestObserver = (request: FastifyRequest, reply: FastifyReply, status: number) => void;

/** nginx's status of a request whose client went away. */
const CLIENT_CLOSED_REQUEST = 499;
/** The errors of a connection that its client ended, or on which it did not send a valid request. */
const CLIENT_ERRORS = /^(ECONNRESET|EPIPE|ETIMEDOUT|ERR_HTTP_REQUEST_TIMEOUT|HPE_)/;

/**
 * Logs one line per request, after its response.
 *
 * Fastify's hook onResponse does not run for a response that was cut off: it waits for the event finish.
 */
export class RequestLog extends LogController {
  readonly #logsQuiet: boolean;
  readonly #observers: RequestObserver[] = [];

  /** @param logsQuiet whether to log the requests of quiet routes */
  constructor(logsQuiet: boolean) {
    super({ requestIdLogLabel: "requestId" });
    this.#logsQuiet = logsQuiet;
  }

  /** Adds an observer of all requests but those of quiet routes. */
  observe(observer: RequestObserver): void {
    this.#observers.push(observer);
  }

  override incomingRequest(request: FastifyRequest, reply: FastifyReply): void {
    const atFinish = () => {
      reply.raw.off("close", atClose);
      this.#end(request, reply, reply.statusCode);
    };
    const atClose = () => {
      reply.raw.off("finish", atFinish);
      // The connection of a WebSocket has no response.
      if (reply.raw.headersSent || !reply.sent || !request.headers.upgrade) {
        this.#end(request, reply, statusOfFailure(request, reply), true);
      }
    };
    reply.raw.once("finish", atFinish).once("close", atClose);
  }

  override requestCompleted(): void {
    // Logged at the end of the response, even if Fastify does not consider it completed.
  }

  #end(request: FastifyRequest, reply: FastifyReply, status: number, incomplete = false): void {
    const isQuiet = request.routeOptions.config.quiet === true;
    if (!isQuiet) {
      for (const observer of this.#observers) {
        observer(request, reply, status);
      }
    } else if (!this.#logsQuiet) {
      return;
    }
    const line = {
      method: request.method,
      path: request.url.split("?", 1)[0],
      status,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      ...(incomplete && { incomplete }),
      ...(reply.raw.errored && { err: reply.raw.errored }),
    };
    request.log[isQuiet ? "debug" : "info"](line, "request");
  }
}

/** Returns the status of a request whose response was cut off: 499 if its client went away, otherwise 500. */
function statusOfFailure(request: FastifyRequest, reply: FastifyReply): number {
  const { errored, readableEnded } = request.raw.socket;
  const isByClient = readableEnded || CLIENT_ERRORS.test((errored as NodeJS.ErrnoException | null)?.code ?? "");
  return isByClient && !reply.raw.errored ? CLIENT_CLOSED_REQUEST : 500;
}
