import type { FastifyInstance } from "fastify";
import { jwtVerify } from "jose";
import { bearerToken } from "../bearer.ts";
import { sendUnauthorized } from "../problem.ts";

/** GET /api/v1/me, an example to replace: the subject of the caller's JSON Web Token. */
export default async function me(app: FastifyInstance): Promise<void> {
  const key = new TextEncoder().encode(app.config.JWT_SECRET);

  app.get("/me", async (request, reply) => {
    const subject = await verifiedSubject(bearerToken(request.headers.authorization), key);
    return subject ? { subject } : sendUnauthorized(reply);
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
