// Applies migrations/ to the database. Exit code 0: all migrations are applied; 1: one failed.
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import { loadConfigOrExit } from "./config.ts";
import { createLogger } from "./logger.ts";

const config = loadConfigOrExit();
const logger = await createLogger(config);

try {
  const applied = await runner({
    databaseUrl: { connectionString: config.DATABASE_URL, connectionTimeoutMillis: 10_000 },
    dir: fileURLToPath(new URL("../migrations", import.meta.url)),
    direction: "up",
    migrationsTable: "migrations",
    // Concurrent migrations wait for each other.
    advisoryLockMode: "wait",
    logger: {
      debug: (message) => logger.debug(message),
      info: (message) => logger.debug(message),
      warn: (message) => logger.warn(message),
      error: (message) => logger.error(message),
    },
  });
  logger.info({ applied: applied.map(({ name }) => name) }, "migrations finished");
} catch (error) {
  logger.error({ err: error }, "migrations failed");
  process.exitCode = 1;
}
