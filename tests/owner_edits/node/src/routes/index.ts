import type { FastifyInstance } from "fastify";
import me from "./me.ts";
import root from "./root.ts";
import slow from "./slow.ts";

/** Every route of the service: register a new file here. */
export default function routes(app: FastifyInstance): void {
  app.register(root);
  app.register(slow);
  app.register(me, { prefix: "/api/v1" });
}
