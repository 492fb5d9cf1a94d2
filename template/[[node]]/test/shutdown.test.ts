import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadConfig } from "../src/config.ts";
import { createServer } from "../src/server.ts";
import { shutDownOnSignals } from "../src/shutdown.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig({ ...environment, SHUTDOWN_DELAY_SECONDS: "0", SHUTDOWN_TIMEOUT_SECONDS: "1" });

let app: FastifyInstance;
let metrics: FastifyInstance;
const exit = vi.spyOn(process, "exit");

beforeEach(() => {
  exit.mockReset();
  exit.mockImplementation(() => undefined as never);
  const { logger } = createTestLogger(config);
  app = createServer(config, logger);
  metrics = createServer(config, logger);
  shutDownOnSignals(app, metrics, config);
});

afterEach(async () => {
  process.removeAllListeners("SIGTERM");
  process.removeAllListeners("SIGINT");
  process.removeAllListeners("uncaughtException");
  await Promise.all([app.close(), metrics.close()]);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s exits with 0; a second signal has no effect", async (signal) => {
  const onClose = vi.fn();
  app.addHook("onClose", onClose);
  process.emit(signal);
  process.emit(signal);
  expect(app.draining).toBe(true);
  await vi.waitFor(() => expect(exit).toHaveBeenCalled(), { timeout: 10_000 });
  expect(exit.mock.calls).toEqual([[0]]);
  expect(onClose).toHaveBeenCalledTimes(1);
});

test("an unexpected error drains, then exits with 1", async () => {
  const onClose = vi.fn();
  app.addHook("onClose", onClose);
  process.emit("uncaughtException", new Error("forgotten"), "unhandledRejection");
  expect(app.shutdown.signal.aborted).toBe(true);
  await vi.waitFor(() => expect(exit).toHaveBeenCalled(), { timeout: 10_000 });
  expect(exit.mock.calls).toEqual([[1]]);
  expect(onClose).toHaveBeenCalledTimes(1);
});

test("exits with 1 if a pool does not close", async () => {
  const pool = Promise.withResolvers<void>();
  app.addHook("onClose", () => pool.promise);
  process.emit("SIGTERM");
  await vi.waitFor(() => expect(exit).toHaveBeenCalledWith(1), { timeout: 10_000 });
  pool.resolve();
});
