import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { createTestLogger } from "../logs.ts";
import { serviceEnvironment } from "./environment.ts";

const config = loadConfig(await serviceEnvironment());
const app = buildApp(config, createTestLogger(config).logger);

beforeAll(async () => {
  await app.ready();
  await vi.waitUntil(() => app.redis.isReady);
});

afterAll(() => app.close());

test("values are returned until they expire", async () => {
  await app.redis.set("integration-test", "value", { PX: 1_000 });
  expect(await app.redis.get("integration-test")).toBe("value");
  await vi.waitUntil(async () => (await app.redis.get("integration-test")) === null, { timeout: 10_000 });
});

test("reconnects after a lost connection", async () => {
  const killed = new Promise((resolve) => app.redis.once("error", resolve));
  await app.redis.sendCommand(["CLIENT", "KILL", "SKIPME", "no"]).catch(() => {});
  await killed;
  await vi.waitUntil(() => app.redis.isReady, { timeout: 5_000 });
  expect(await app.redis.ping()).toBe("PONG");
});
