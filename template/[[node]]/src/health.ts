import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyBaseLogger, FastifyInstance, RouteShorthandOptions } from "fastify";
import { bearerToken } from "./bearer.ts";
import { type Check, runCheck } from "./checks.ts";
import type { Config } from "./config.ts";
import { sendUnauthorized } from "./problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** What /health/ready and /health/detailed look at, by name; add your own dependencies here. */
    checks: Map<string, Check>;
  }
}

/** Adds the health endpoints; the checks are added to `app.checks` by the modules that open a dependency. */
export function addHealth(app: FastifyInstance, config: Config): void {
  const options: RouteShorthandOptions = { config: { quiet: true } };
  app.decorate("checks", new Map<string, Check>());

  // Alive: touches nothing, so that no outage elsewhere restarts the service. Nor does it need a logger of its own.
  const withoutLogger = config.LOG_LEVEL === "debug" ? {} : { childLoggerFactory: shareLogger };
  app.get("/health", { ...options, ...withoutLogger }, (_request, reply) => reply.send({ status: "ok" }));

  // Takes traffic: everything required works and the process is not about to stop.
  app.get("/health/ready", options, async (_request, reply) => {
    const required = [...app.checks.values()].filter((check) => check.required);
    const results = app.draining ? [] : await Promise.all(required.map(runCheck));
    if (app.draining || results.some(({ status }) => status === "error")) {
      return reply.code(503).send({ status: "unavailable" });
    }
    return { status: "ok" };
  });

  app.get("/health/detailed", options, async (request, reply) => {
    if (!isSame(bearerToken(request.headers.authorization) ?? "", config.HEALTH_TOKEN)) {
      return sendUnauthorized(reply);
    }
    const checks = Object.fromEntries(
      await Promise.all([...app.checks].map(async ([name, check]) => [name, await runCheck(check)] as const)),
    );
    const isOk = Object.values(checks).every(({ status }) => status === "ok");
    return reply.code(isOk ? 200 : 503).send({
      status: isOk ? "ok" : "degraded",
      timestamp: new Date().toISOString(),
      version: config.APP_VERSION,
      uptime: Math.round(process.uptime()),
      checks,
    });
  });
}

function shareLogger(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger;
}

/** Compares secrets in a time that tells nothing about them, their length included. */
function isSame(given: string, expected: string): boolean {
  const digest = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
