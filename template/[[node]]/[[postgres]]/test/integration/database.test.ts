import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { transaction } from "../../src/database.ts";
import { createTestLogger } from "../logs.ts";
import { serviceEnvironment } from "./environment.ts";
import { run } from "./process.ts";

const environment = await serviceEnvironment();
const config = loadConfig(environment);
const app = buildApp(config, createTestLogger(config).logger);

beforeAll(() => app.ready());
afterAll(() => app.close());

test("migrations are idempotent", async () => {
  for (let time = 1; time <= 2; time++) {
    const { code, stderr } = await run("migrate", environment);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  }
});

test("concurrent migrations wait for each other", async () => {
  const outcomes = await Promise.all([run("migrate", environment), run("migrate", environment)]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
});

test("a migration without a database exits with 1", async () => {
  const { code, stdout } = await run("migrate", {
    ...environment,
    DATABASE_URL: "postgres://app:hunter2@127.0.0.1:2/app",
  });
  expect(code).toBe(1);
  expect(stdout).toContain("migrations failed");
  expect(stdout).not.toContain("hunter2");
});

test("the pool survives the loss of its connections", async () => {
  await app.database
    .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    .catch(() => {});
  const { rows } = await app.database.query("SELECT 1 AS one");
  expect(rows).toEqual([{ one: 1 }]);
});

test("a transaction takes effect as a whole or not at all", async () => {
  await app.database.query("CREATE TABLE numbers (n int PRIMARY KEY)");
  const insert = (...numbers: number[]) =>
    transaction(app.database, async (client) => {
      for (const n of numbers) {
        await client.query("INSERT INTO numbers VALUES ($1)", [n]);
      }
    });
  await insert(1, 2);
  await expect(insert(3, 1)).rejects.toThrow("duplicate key");
  const { rows } = await app.database.query("SELECT n FROM numbers ORDER BY n");
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
});

test("a connection that is lost in a transaction fails only that transaction", async () => {
  const lost = transaction(app.database, (client) => client.query("SELECT pg_terminate_backend(pg_backend_pid())"));
  await expect(lost).rejects.toThrow();
  expect((await app.database.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});
