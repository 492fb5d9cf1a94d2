import { setTimeout as wait } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

/** GET /slow — answers after `seconds`, two by default. */
export default async function slow(app: FastifyInstance): Promise<void> {
  app.get<{ Querystring: { seconds?: string } }>("/slow", async (request) => {
    await wait(Number(request.query.seconds ?? "2") * 1000);
    return { status: "slow" };
  });
}
