import type { FastifyInstance } from "fastify";
import { createClient, ErrorReply } from "redis";
import { CheckError } from "./checks.ts";
import { SERVICE } from "./config.ts";

/** A connection without any data for this long, pings included, is lost. */
const SILENCE_MS = 20_000;

type Redis = ReturnType<typeof createRedis>;

declare module "fastify" {
  interface FastifyInstance {
    /** Redis: `await app.redis.set("key", "value", { EX: 60 })`; rejects immediately while disconnected. */
    redis: Redis;
  }
}

/**
 * Adds a Redis connection and its health check. It opens and closes with the app and reconnects when it is lost.
 *
 * @param app the server, decorated with `app.redis`
 * @param url the server's address
 */
export function addRedis(app: FastifyInstance, url: string): void {
  const client = createRedis(url);
  let lastError: Error | undefined;
  client.on("error", (error: Error) => {
    // Each attempt to reconnect repeats the error: log it once.
    if (error.message !== lastError?.message) {
      app.log.warn({ err: error }, "the connection to Redis failed");
    }
    lastError = error;
  });
  client.on("ready", () => {
    lastError = undefined;
    app.log.info("connected to Redis");
  });

  app.decorate("redis", client);
  app.addHook("onReady", async () => {
    // Not awaited: the service starts without Redis.
    client.connect().catch(() => {});
  });
  app.addHook("onClose", () => client.destroy());
  app.checks.set("redis", {
    run: () => ping(client, lastError),
    required: app.config.READY_REQUIRES.includes("redis"),
  });
}

function createRedis(url: string) {
  return createClient({
    url,
    name: SERVICE,
    disableOfflineQueue: true,
    pingInterval: SILENCE_MS / 2,
    socket: {
      connectTimeout: 2_000,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 2_000),
    },
  });
}

async function ping(client: Redis, lastError: Error | undefined): Promise<void> {
  try {
    await client.ping();
  } catch (error) {
    throw failure(client.isReady ? error : lastError);
  }
}

function failure(error: unknown): unknown {
  const isRefused = error instanceof ErrorReply && /^(NOAUTH|WRONGPASS|NOPERM)/.test(error.message);
  return isRefused ? new CheckError("authentication failed") : error;
}
