import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requireToken } from "./authenticate.ts";

const Identity = z.object({ subject: z.string() });

/** GET /api/v1/me, an example to replace: who the caller is. */
const me: FastifyPluginAsyncZod = async (app) => {
  requireToken(app);

  app.get(
    "/me",
    { schema: { operationId: "read-me", summary: "Read the subject of your token", response: { 200: Identity } } },
    async (request) => ({ subject: request.subject }),
  );
};

export default me;
