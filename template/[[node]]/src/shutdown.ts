import { setTimeout as wait } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Config } from "./config.ts";

/**
 * Ends the process on SIGTERM or SIGINT without losing a request.
 *
 * At once: not ready, and every answer closes its connection. After the delay, in which load balancers take the
 * service out: no new connections, what is in flight is finished, pools are closed, exit 0. After the timeout, counted
 * from the signal: exit 1, whatever is left. Further signals change nothing.
 *
 * @param app the server that drains; its onClose hooks close the pools
 * @param metrics the server that stays until the end
 * @param config the delay and the timeout, in seconds
 */
export function shutDownOnSignals(app: FastifyInstance, metrics: FastifyInstance, config: Config): void {
  async function shutDown(signal: NodeJS.Signals): Promise<void> {
    if (app.draining) {
      return;
    }
    app.draining = true;
    app.log.info({ signal }, "shutdown started");
    const limit = setTimeout(() => {
      app.log.error("shutdown timed out; what was in flight is lost");
      app.server.closeAllConnections();
      process.exit(1);
    }, config.SHUTDOWN_TIMEOUT_SECONDS * 1000);

    try {
      await wait(config.SHUTDOWN_DELAY_SECONDS * 1000);
      await app.close();
      await metrics.close();
      app.log.info("shutdown finished");
      process.exit(0);
    } catch (error) {
      app.log.error({ err: error }, "shutdown failed");
      process.exit(1);
    } finally {
      clearTimeout(limit);
    }
  }

  process.on("SIGTERM", shutDown);
  process.on("SIGINT", shutDown);
}
