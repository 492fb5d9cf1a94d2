import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { environment } from "./environment.ts";

for (const [name, value] of Object.entries(environment)) {
  vi.stubEnv(name, value);
}
const { default: handler } = await import("../src/index.ts");
const server = createServer(handler);
let address: string;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  vi.unstubAllEnvs();
});

test("the function serves the app", async () => {
  const response = await fetch(`${address}/health/`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ok" });
});

test("the function does not serve metrics", async () => {
  const response = await fetch(`${address}/metrics`);
  expect(response.status).toBe(404);
});
