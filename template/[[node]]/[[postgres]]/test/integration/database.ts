import pg from "pg";
import { serviceEnvironment } from "./environment.ts";
import { run } from "./process.ts";

/**
 * Creates a database of this run on the server of DATABASE_URL, migrates it and sets DATABASE_URL to it, so that no test
 * changes a developer's data.
 *
 * @returns a function that drops the database
 */
export default async function setUp(): Promise<() => Promise<void>> {
  const server = process.env.DATABASE_URL;
  if (!server) {
    throw new Error("DATABASE_URL is not set. Run make integration.");
  }
  const client = new pg.Client(server);
  await client.connect();
  const name = `integration_${process.pid}`;
  await client.query(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = name;
  process.env.DATABASE_URL = url.href;

  const { code, stdout } = await run("migrate", await serviceEnvironment());
  if (code !== 0) {
    throw new Error(`the migrations failed:\n${stdout}`);
  }
  return async () => {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await client.end();
  };
}
