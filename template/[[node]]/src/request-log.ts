import { type FastifyReply, type FastifyRequest, LogController } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Requests that machines repeat all the time: logged at debug and not counted in the metrics. */
    quiet?: boolean;
  }
}

/** Logs one line for each request, when it is answered. */
export class RequestLog extends LogController {
  readonly #logsQuiet: boolean;

  /** @param logsQuiet whether requests of quiet routes are logged, too */
  constructor(logsQuiet: boolean) {
    super({ requestIdLogLabel: "requestId" });
    this.#logsQuiet = logsQuiet;
  }

  override incomingRequest(): void {
    // Logged once, when it is completed.
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
