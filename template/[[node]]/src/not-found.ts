import type { FastifyInstance } from "fastify";
import Router, { type HTTPMethod } from "find-my-way";
import { sendProblem } from "./problem.ts";

/**
 * Answers 405 if the path exists for other methods, otherwise 404, before it reads a body.
 *
 * Fastify supports only 404, so a second router of the same kind stores the routes.
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const router = Router({ ignoreTrailingSlash: true });
  const methods = new Set<HTTPMethod>();

  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat() as HTTPMethod[]) {
      // Ignore OPTIONS: CORS plugins add it to every path.
      if (method !== "OPTIONS" && !router.hasRoute(method, route.url)) {
        router.on(method, route.url, () => {});
        methods.add(method);
      }
    }
  });

  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404) {
      done();
      return;
    }
    const allowed = [...methods].filter((method) => router.find(method, request.url));
    if (allowed.length === 0) {
      sendProblem(reply, 404);
    } else {
      sendProblem(reply.header("allow", allowed.join(", ")), 405);
    }
  });
}
