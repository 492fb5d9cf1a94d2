// Where Vercel starts: its builder takes the file of this name, and only if that imports Fastify by itself.
import "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import { buildApp } from "./app.ts";
import { loadConfigOrExit } from "./config.ts";
import { createLogger } from "./logger.ts";

const config = loadConfigOrExit();
const app = buildApp(config, await createLogger(config));
await app.ready();

// Vercel ends the process half a second later: time enough to close connections, not to drain.
process.once("SIGTERM", () => app.close());

/** Answers a request. Vercel listens itself, so the app never does, and /metrics has no port to be on. */
export default function handler(request: IncomingMessage, response: ServerResponse): void {
  app.server.emit("request", request, response);
}
