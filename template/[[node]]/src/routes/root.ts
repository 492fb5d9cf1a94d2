import type { FastifyInstance } from "fastify";
import { SERVICE } from "../config.ts";

/** GET /, an example to replace: the service's name and version. */
export default async function root(app: FastifyInstance): Promise<void> {
  app.get("/", { schema: { hide: true } }, async () => ({ service: SERVICE, version: app.config.APP_VERSION }));
}
