import type { FastifyInstance } from "fastify";
import pg from "pg";
import { CheckError } from "./checks.ts";
import { SERVICE } from "./config.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** PostgreSQL: `await app.database.query("SELECT …", [values])`. */
    database: pg.Pool;
  }
}

const QUERY_TIMEOUT_MS = 30_000;
const CHECK_QUERY = { text: "SELECT 1", query_timeout: 2_000 };
const ROLLBACK = { text: "ROLLBACK", query_timeout: 2_000 };

/**
 * Adds a connection pool and its health check. Connections open on demand and close with the app.
 *
 * @param app the server, decorated with `app.database`
 * @param url the database's address
 */
export function addDatabase(app: FastifyInstance, url: string): void {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: SERVICE,
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
  });
  // Without a listener, a lost connection ends the process (node-postgres#1324). The pool replaces the connection.
  pool.on("connect", (client) => {
    client.on("error", (error) => app.log.warn({ err: error }, "a database connection was lost"));
  });
  // The pool repeats the error of an idle connection.
  pool.on("error", () => {});

  app.decorate("database", pool);
  app.addHook("onClose", () => pool.end());
  app.checks.set("database", { run: () => ping(pool), required: app.config.READY_REQUIRES.includes("database") });
}

async function ping(pool: pg.Pool): Promise<void> {
  try {
    await pool.query(CHECK_QUERY);
  } catch (error) {
    // SQLSTATE class 28: invalid authorization.
    throw error instanceof pg.DatabaseError && error.code?.startsWith("28")
      ? new CheckError("authentication failed")
      : error;
  }
}

/**
 * Runs queries in a transaction: all of them take effect, or none.
 *
 * @param pool the pool that a connection is taken from
 * @param run sends its queries on the given connection
 * @returns what `run` returns, after the commit
 */
export async function transaction<T>(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query("BEGIN");
    const result = await run(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query(ROLLBACK).catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
