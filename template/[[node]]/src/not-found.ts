import type { FastifyInstance } from "fastify";
import Router, { type HTTPMethod } from "find-my-way";
import { sendProblem } from "./problem.ts";

/**
 * Answers 405 where a path exists for other methods, else 404, in both cases before a body is read.
 *
 * Fastify knows 404 alone, so the routes are noted in a second router of the kind that Fastify uses.
 */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const router = Router({ ignoreTrailingSlash: true });
  const methods = new Set<HTTPMethod>();

  app.addHook("onRoute", (route) => {
    for (const method of [route.method].flat() as HTTPMethod[]) {
      // OPTIONS is no reason for 405: plugins for CORS answer it under every path.
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
