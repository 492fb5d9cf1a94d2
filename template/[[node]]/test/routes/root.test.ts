import { expect, test } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig, SERVICE } from "../../src/config.ts";
import { environment } from "../environment.ts";
import { createTestLogger } from "../logs.ts";

test("GET / returns the service's name", async () => {
  const config = loadConfig(environment);
  const app = buildApp(config, createTestLogger(config).logger);
  const response = await app.inject("/");
  expect(response.json()).toEqual({ service: SERVICE, version: "unknown" });
  await app.close();
});
