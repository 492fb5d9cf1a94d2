import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyBaseLogger, FastifyInstance, RouteShorthandOptions } from "fastify";
import { bearerToken } from "./bearer.ts";
import { type Check, type CheckResult, runCheck } from "./checks.ts";
import type { Config } from "./config.ts";
import { sendUnauthorized } from "./problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** The checks of /health/ready and /health/detailed by name. Add your own dependencies here. */
    checks: Map<string, Check>;
  }
}

/** Adds the health endpoints. Modules that open a dependency add its check to `app.checks`. */
export function addHealth(app: FastifyInstance, config: Config): void {
  const options: RouteShorthandOptions = { config: { quiet: true } };
  const failing = new Set<string>();
  app.decorate("checks", new Map<string, Check>());

  /** Runs a check and logs that the dependency failed or recovered, once. */
  async function run([name, check]: [string, Check]): Promise<[string, CheckResult]> {
    const result = await runCheck(check);
    if (result.error && !failing.has(name)) {
      failing.add(name);
      app.log[check.required ? "error" : "warn"]({ dependency: name, cause: result.error }, "dependency failed");
    } else if (!result.error && failing.delete(name)) {
      app.log.info({ dependency: name }, "dependency recovered");
    }
    return [name, result];
  }

  // Liveness: checks no dependency, so that an outage elsewhere does not restart the service.
  // It shares the app's logger, because a child logger per request is its largest cost.
  const withoutLogger = config.LOG_LEVEL === "debug" ? {} : { childLoggerFactory: shareLogger };
  app.get("/health", { ...options, ...withoutLogger }, (_request, reply) => reply.send({ status: "ok" }));

  // Readiness: all required dependencies work and the process is not draining.
  app.get("/health/ready", options, async (_request, reply) => {
    const required = [...app.checks].filter(([, check]) => check.required);
    const results = app.draining ? [] : await Promise.all(required.map(run));
    if (app.draining || results.some(([, { status }]) => status === "error")) {
      return reply.code(503).send({ status: "unavailable" });
    }
    return { status: "ok" };
  });

  app.get("/health/detailed", options, async (request, reply) => {
    if (!isSame(bearerToken(request.headers.authorization) ?? "", config.HEALTH_TOKEN)) {
      return sendUnauthorized(reply);
    }
    const checks = Object.fromEntries(await Promise.all([...app.checks].map(run)));
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

/** Compares secrets in constant time, whatever their length. */
function isSame(given: string, expected: string): boolean {
  const digest = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
