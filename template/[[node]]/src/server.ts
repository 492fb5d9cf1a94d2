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
import Router, { type HTTPMethod } from "find-my-way";
import type { Config } from "./config.ts";
import { RequestLog } from "./logger.ts";
import { PROBLEM_TYPE, type ProblemDetails, problem, sendProblem } from "./problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Whether the process received a signal to stop. */
    draining: boolean;
    /** Its signal is aborted when the process starts to drain: end long responses then. */
    shutdown: AbortController;
    /** Its observers count the requests. */
    requestLog: RequestLog;
  }
}

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};
/** The name of the handler of unknown routes that is in place until a plugin calls setNotFoundHandler. */
const FASTIFYS_HANDLER = "basic404";
const HTTPS_ONLY = { "strict-transport-security": "max-age=31536000" };

/**
 * Creates an HTTP server without routes: limits, request ids, headers, error responses and request log.
 *
 * It ignores X-Forwarded-* headers (Fastify's default), because clients can send them. If every request passes a proxy
 * and you use the client's address, set trustProxy to the proxy's address.
 */
export function createServer(config: Config, logger: FastifyBaseLogger): FastifyInstance {
  const isPublic = config.NODE_ENV === "staging" || config.NODE_ENV === "production";
  const requestLog = new RequestLog(config.LOG_LEVEL === "debug");
  const headers = isPublic ? { ...SECURITY_HEADERS, ...HTTPS_ONLY } : SECURITY_HEADERS;

  const app = Fastify({
    loggerInstance: logger,
    logController: requestLog,
    genReqId: requestId,
    bodyLimit: 1024 * 1024,
    requestTimeout: 30_000,
    // Longer than the idle timeout of load balancers, so that the server never closes a connection they still use.
    keepAliveTimeout: 75_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 },
    routerOptions: { ignoreTrailingSlash: true },
    // Answer requests that arrive while the server closes.
    return503OnClosing: false,
    clientErrorHandler: sendClientError,
    frameworkErrors: (error, request, reply) => {
      addHeaders(request, reply);
      // Without its message, which contains the URL.
      sendProblem(reply, error.statusCode ?? 400);
    },
  });

  function addHeaders(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(headers).header("x-request-id", request.id);
  }

  app.decorate("draining", false);
  app.decorate("shutdown", new AbortController());
  app.decorate("requestLog", requestLog);
  app.addHook("onRequest", (request, reply, done) => {
    addHeaders(request, reply);
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
 * Answers 405 if the path exists for other methods, otherwise 404, before it reads a body. Not-found handlers that
 * plugins set come first.
 *
 * Fastify supports only 404, so a second router of the same kind stores the routes.
 */
function answerUnknownRoutes(app: FastifyInstance): void {
  const router = Router({ ignoreTrailingSlash: true });
  const methods = new Set<HTTPMethod>();

  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat() as HTTPMethod[]) {
      // Ignore OPTIONS: CORS plugins add it to every path.
      if (method !== "OPTIONS" && !router.hasRoute(method, route.url)) {
        router.on(method, route.url, () => {});
        methods.add(method);
      }
    }
  });

  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404 || request.routeOptions.handler.name !== FASTIFYS_HANDLER) {
      done();
      return;
    }
    const allowed = [...methods].filter((method) => router.find(method, request.url));
    // A route of the same method can still differ in its constraints, such as a version.
    if (allowed.length === 0 || allowed.includes(request.method as HTTPMethod)) {
      sendProblem(reply, 404);
    } else {
      sendProblem(reply.header("allow", allowed.join(", ")), 405);
    }
  });
}

/**
 * Listens on every IPv6 and IPv4 address. If the port is not available, logs the reason and exits with 1.
 *
 * @throws the error of a plugin that failed to start
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

/** Returns the caller's request id if it is safe to log, otherwise a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Answers a failed request with the error's status. The cause of a 5xx is only logged. */
function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 500;
  if (error.validation) {
    const details = describeValidation(error);
    request.log.info(details, "invalid request");
    sendProblem(reply, status, details);
  } else if (status >= 400 && status < 500) {
    sendProblem(reply, status, error.message ? { detail: error.message } : {});
  } else {
    request.log.error({ err: error }, "request failed");
    sendProblem(reply, status >= 500 && status < 600 ? status : 500);
  }
}

/** Names the invalid fields and what the schema expects of them. */
function describeValidation(error: FastifyError): ProblemDetails {
  const part = error.validationContext ?? "body";
  const errors = (error.validation ?? []).map(({ instancePath, message, params }) => {
    // Ajv and Zod name a field that is missing or not allowed beside the path.
    const unknown = Array.isArray(params?.keys) ? params.keys[0] : params?.additionalProperty;
    const field = params?.missingProperty ?? unknown;
    const parent = instancePath.replace(/\/$/, "");
    const path = typeof field === "string" ? `${parent}/${field}` : parent;
    const detail = message ?? "is invalid";
    return part === "body" ? { pointer: `#${path}`, detail } : { parameter: path.slice(1), detail };
  });
  return { detail: `The ${part} of the request is invalid.`, errors };
}

/** Answers invalid, too large and too slow requests, for which Fastify has no request object yet. */
function sendClientError(error: Error & { code?: string }, socket: Socket): void {
  if (socket.writable && error.code !== "ECONNRESET") {
    const status = clientErrorStatus(error.code);
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
  socket.destroy(error); // also the reason in the request log
}

function clientErrorStatus(code: string | undefined): number {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_HEADER_OVERFLOW":
      return 431;
    default:
      return 400;
  }
}
