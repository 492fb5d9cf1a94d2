import type { FastifyInstance } from "fastify";
import me from "./me.ts";
import root from "./root.ts";

/** All routes of the service. Register a new file here. */
export default function routes(app: FastifyInstance): void {
  app.register(root);
  app.register(me, { prefix: "/api/v1" });
}
