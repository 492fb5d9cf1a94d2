import type { FastifyInstance } from "fastify";
import { jwtVerify } from "jose";
import { bearerToken } from "../bearer.ts";
import { sendUnauthorized } from "../problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The subject of the caller's token, in routes that require one. */
    subject: string;
  }
}

/**
 * Requires a JSON Web Token for all routes of a plugin, and documents that.
 *
 * @param app the plugin's instance; call it before the first route
 */
export function requireToken(app: FastifyInstance): void {
  const key = new TextEncoder().encode(app.config.JWT_SECRET);

  app.decorateRequest("subject", "");
  app.addHook("onRoute", (route) => {
    route.schema = { ...route.schema, security: [{ bearer: [] }] };
  });
  app.addHook("onRequest", async (request, reply) => {
    const subject = await verifiedSubject(bearerToken(request.headers.authorization), key);
    if (!subject) {
      return sendUnauthorized(reply);
    }
    request.subject = subject;
  });
}

/** Returns the subject of a valid token, otherwise undefined. */
async function verifiedSubject(token: string | undefined, key: Uint8Array): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(token ?? "", key, { algorithms: ["HS256"], requiredClaims: ["exp", "sub"] });
    // Other issuers' claims can have types that the standard does not allow.
    return typeof payload.sub === "string" ? payload.sub : undefined;
  } catch {
    return undefined;
  }
}
