import { randomUUID } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Config } from "./config.ts";
import { answerUnknownRoutes } from "./not-found.ts";
import { PROBLEM_TYPE, problem, sendProblem } from "./problem.ts";
import { RequestLog } from "./request-log.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Whether the process was asked to stop. */
    draining: boolean;
  }
}

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};
const HTTPS_ONLY = { "strict-transport-security": "max-age=31536000" };

/**
 * Creates an HTTP server without routes: limits, request ids, headers, error answers and request log.
 *
 * X-Forwarded-* headers are not believed (Fastify's default): a client can send them, too. Where every request comes
 * through a proxy and the client's address matters, set trustProxy to that proxy's address.
 */
export function createServer(config: Config, logger: FastifyBaseLogger): FastifyInstance {
  const isPublic = config.NODE_ENV === "staging" || config.NODE_ENV === "production";
  const headers = isPublic ? { ...SECURITY_HEADERS, ...HTTPS_ONLY } : SECURITY_HEADERS;

  const app = Fastify({
    loggerInstance: logger,
    logController: new RequestLog(config.LOG_LEVEL === "debug"),
    genReqId: requestId,
    bodyLimit: 1024 * 1024,
    requestTimeout: 30_000,
    // Longer than a load balancer keeps idle connections: it closes them, never the server under a request.
    keepAliveTimeout: 75_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 },
    routerOptions: { ignoreTrailingSlash: true },
    // What still arrives while the server closes is answered like everything before.
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      prepare(request, reply);
      sendError(error, request, reply);
    },
  });

  function prepare(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(headers).header("x-request-id", request.id);
  }

  app.decorate("draining", false);
  app.addHook("onRequest", (request, reply, done) => {
    prepare(request, reply);
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (app.draining) {
      reply.header("connection", "close");
    }
    done();
  });
  app.setErrorHandler<FastifyError>(sendError);
  answerUnknownRoutes(app);
  return app;
}

/**
 * Listens on every address, IPv6 and IPv4; where the port cannot be had, says so and ends the process.
 *
 * @throws whatever kept a plugin from starting
 */
export async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ host: "", port });
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== "listen") {
      throw error;
    }
    app.log.error(code === "EADDRINUSE" ? `port ${port} is already in use` : `cannot listen on port ${port}: ${code}`);
    process.exit(1);
  }
}

/** Returns the caller's request id where it is harmless, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Answers a failed request; only the log tells why the service itself failed. */
function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    sendProblem(reply, status);
  } else {
    request.log.error({ err: error }, "request failed");
    sendProblem(reply, 500);
  }
}

/** Answers what is not HTTP, is too large or comes too slowly: there is no request yet that Fastify could answer. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (socket.writable && error.code !== "ECONNRESET") {
    const status = brokenRequestStatus(error.code);
    const body = JSON.stringify(problem(status));
    socket.write(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        "Connection: close",
        `Content-Type: ${PROBLEM_TYPE}; charset=utf-8`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        "",
        body,
      ].join("\r\n"),
    );
  }
  socket.destroy();
}

function brokenRequestStatus(code: string | undefined): number {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_HEADER_OVERFLOW":
      return 431;
    default:
      return 400;
  }
}
