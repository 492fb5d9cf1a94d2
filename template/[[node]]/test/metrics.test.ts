import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
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

test("counts and logs a response that was cut off as an error", async () => {
  const config = loadConfig({ ...environment, LOG_LEVEL: "info" });
  const { lines, logger } = createTestLogger(config);
  const app = createServer(config, logger);
  const metrics = createMetricsServer(config, logger, measureRequests(app));
  async function* breaking() {
    yield "begin";
    await wait(10);
    throw Object.assign(new Error("an upstream went away"), { code: "ECONNRESET" });
  }
  const never = () => new Promise(() => {});
  const received: string[] = [];
  app.addHook("onRequest", async ({ url }) => {
    received.push(url);
  });
  app.get("/destroyed", async (_request, reply) => reply.hijack().raw.destroy());
  app.get("/destroyed-later", async (_request, reply) => {
    reply.raw.write("begin");
    reply.raw.destroy(new Error("a reason"));
    return reply;
  });
  app.get("/broken-stream", async (_request, reply) => reply.send(Readable.from(breaking())));
  app.get("/timeout", { handlerTimeout: 30 }, async (_request, reply) => {
    reply.raw.write("begin");
    await never();
  });
  app.get("/left", never);
  app.get("/left-by-reset", never);
  app.get("/left-stream", async (_request, reply) => {
    const endless = new Readable({ read() {} });
    endless.push("begin");
    return reply.send(endless);
  });
  app.post("/left-upload", async () => ({}));

  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const statuses = {
    "/destroyed": 500,
    "/destroyed-later": 500,
    "/broken-stream": 500,
    "/timeout": 500,
    "/left": 499,
    "/left-by-reset": 499,
    "/left-stream": 499,
    "/left-upload": 499,
  };
  for (const [path, status] of Object.entries(statuses)) {
    const socket = connect(port, "127.0.0.1")
      .resume()
      .on("error", () => {});
    const method = path === "/left-upload" ? "POST" : "GET";
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`);
    socket.write(method === "POST" ? "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{" : "\r\n");
    if (status === 499) {
      await expect.poll(() => received).toContain(path);
      path === "/left-by-reset" ? socket.resetAndDestroy() : socket.destroy();
    }
    await once(socket, "close");
    await expect.poll(() => lines).toContainEqual(expect.objectContaining({ path, status, incomplete: true }));
  }

  const { body } = await metrics.inject("/metrics");
  for (const [route, status] of Object.entries(statuses)) {
    expect(body).toMatch(new RegExp(`^http_requests_total{method="\\w+",route="${route}",status="${status}"} 1$`, "m"));
  }
  await app.close();
  await metrics.close();
});
