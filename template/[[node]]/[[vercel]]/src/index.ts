// Vercel's entry point. Its builder requires this file name and a direct import of Fastify.
import "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buildApp } from "./app.ts";
import { loadConfigOrExit } from "./config.ts";
import { createLogger } from "./logger.ts";

const config = loadConfigOrExit();
const app = buildApp(config, await createLogger(config));
await app.ready();

// Vercel kills the process 500 ms later: enough to close connections, not to drain.
process.once("SIGTERM", () => app.close());

/** Handles a request. Vercel listens, not the app, so there is no port for /metrics. */
export default function handler(request: IncomingMessage, response: ServerResponse): void {
  app.server.emit("request", request, response);
}
