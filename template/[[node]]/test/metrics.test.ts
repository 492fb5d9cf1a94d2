import { expect, test } from "vitest";
import { loadConfig } from "../src/config.ts";
import { createMetricsServer, measureRequests } from "../src/metrics.ts";
import { createServer } from "../src/server.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

test("counts requests by route, without those for health", async () => {
  const config = loadConfig(environment);
  const { logger } = createTestLogger(config);
  const app = createServer(config, logger);
  const metrics = createMetricsServer(config, logger, measureRequests(app));
  app.get("/things/:id", async () => ({}));
  app.get("/health", { config: { quiet: true } }, async () => ({}));

  for (const url of ["/things/1", "/things/2?again", "/unknown/1", "/unknown/2", "/health"]) {
    await app.inject(url);
  }

  const response = await metrics.inject("/metrics");
  expect(response.headers["content-type"]).toMatch("text/plain");
  expect(response.body).toContain('http_requests_total{method="GET",route="/things/:id",status="200"} 2');
  expect(response.body).toContain('http_requests_total{method="GET",route="unmatched",status="404"} 2');
  expect(response.body).toContain('http_request_duration_seconds_bucket{le="0.005",method="GET",route="/things/:id"');
  expect(response.body).toContain("process_cpu_user_seconds_total");
  expect(response.body).not.toContain('route="/health');

  expect((await app.inject("/metrics")).statusCode).toBe(404);
  await app.close();
  await metrics.close();
});
