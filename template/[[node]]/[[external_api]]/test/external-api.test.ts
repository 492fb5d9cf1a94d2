import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildApp } from "../src/app.ts";
import { loadConfig } from "../src/config.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

let api: Server;
let status: number;

beforeEach(async () => {
  api = createServer((request, response) => response.writeHead(status).end(request.url));
  await once(api.listen(0, "127.0.0.1"), "listening");
});

afterEach(() => {
  api.close();
});

function build() {
  const { port } = api.address() as AddressInfo;
  const config = loadConfig({ ...environment, EXTERNAL_API_URL: `http://127.0.0.1:${port}/base/` });
  return buildApp(config, createTestLogger(config).logger);
}

test("sends requests below the base address", async () => {
  status = 200;
  const app = build();
  const response = await app.externalApi.get("/things");
  expect(await response.text()).toBe("/base/things");
  await app.close();
});

test.each([
  [200, "ok", undefined],
  [404, "ok", undefined],
  [500, "error", "unexpected status"],
])("status %i is reported as %s", async (answered, expected, failure) => {
  status = answered;
  const app = build();
  const response = await app.inject({
    url: "/health/detailed",
    headers: { authorization: `Bearer ${environment.HEALTH_TOKEN}` },
  });
  const { externalApi } = response.json().checks;
  expect([externalApi.status, externalApi.error]).toEqual([expected, failure]);
  await app.close();
});
