import { setTimeout as wait } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";

/**
 * Stops the process on SIGTERM, SIGINT or an unexpected error without losing a request.
 *
 * 1. Readiness fails and responses carry `Connection: close`.
 * 2. After the delay, in which load balancers remove the instance: no new connections; requests in flight finish, pools
 *    close, exit code 0, or 1 after an error.
 * 3. At the timeout, counted from the signal: exit code 1. Further signals have no effect.
 *
 * @param app the server that drains; its onClose hooks close the pools
 * @param metrics the metrics server, closed last
 * @param config the delay and the timeout, in seconds
 */
export function shutDownOnSignals(app: FastifyInstance, metrics: FastifyInstance, config: Config): void {
  async function shutDown(reason: object, exitCode: number): Promise<void> {
    if (app.draining) {
      return;
    }
    app.draining = true;
    app.shutdown.abort();
    app.log.info(reason, "shutdown started");
    const limit = setTimeout(() => {
      app.log.error("shutdown timed out; requests in flight are lost");
      app.server.closeAllConnections();
      process.exit(1);
    }, config.SHUTDOWN_TIMEOUT_SECONDS * 1000);

    try {
      await wait(config.SHUTDOWN_DELAY_SECONDS * 1000);
      await app.close();
      await metrics.close();
      app.log.info("shutdown finished");
      process.exit(exitCode);
    } catch (error) {
      app.log.error({ err: error }, "shutdown failed");
      process.exit(1);
    } finally {
      clearTimeout(limit);
    }
  }

  process.on("SIGTERM", (signal) => shutDown({ signal }, 0));
  process.on("SIGINT", (signal) => shutDown({ signal }, 0));
  // A forgotten rejection arrives here too. The other requests in flight are not to blame.
  process.on("uncaughtException", (error, reason) => {
    app.log.error({ err: error }, "unexpected error; the process exits");
    void shutDown({ reason }, 1);
  });
}
