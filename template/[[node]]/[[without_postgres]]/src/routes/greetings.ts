import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requireToken } from "./authenticate.ts";

const NewGreeting = z.strictObject({ name: z.string().min(1).max(100) });
const Greeting = z.object({ greeting: z.string() });

/** POST /api/v1/greetings, an example to replace: a validated input. */
const greetings: FastifyPluginAsyncZod = async (app) => {
  requireToken(app);

  app.post(
    "/greetings",
    { schema: { operationId: "greet", summary: "Greet somebody", body: NewGreeting, response: { 200: Greeting } } },
    async (request) => ({ greeting: `Hello, ${request.body.name}` }),
  );
};

export default greetings;
