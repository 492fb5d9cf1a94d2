import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { Config } from "./config.ts";
import { createServer } from "./server.ts";

const LABELS = ["method", "route", "status"] as const;

/**
 * Counts and times the requests of a server, except those of quiet routes.
 *
 * @param app the server
 * @returns the metrics, including those of the Node process
 */
export function measureRequests(app: FastifyInstance): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "http_requests_total",
    help: "Answered requests",
    labelNames: LABELS,
    registers: [registry],
  });
  const durations = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request's arrival to the end of its response",
    labelNames: LABELS,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });

  app.requestLog.observe((request, reply, status) => {
    // The pattern, not the path: one series per id would grow without limit.
    const route = request.routeOptions.url ?? "unmatched";
    const labels = { method: request.method, route, status: String(status) };
    requests.inc(labels);
    durations.observe(labels, reply.elapsedTime / 1000);
  });
  return registry;
}

/** Creates the server of /metrics, on its own internal port. */
export function createMetricsServer(config: Config, logger: FastifyBaseLogger, registry: Registry): FastifyInstance {
  const server = createServer(config, logger);
  server.get("/metrics", { config: { quiet: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  return server;
}
