import type { FastifyInstance } from "fastify";
import { jwtVerify } from "jose";
import { bearerToken } from "../bearer.ts";
import { sendUnauthorized } from "../problem.ts";

/** GET /api/v1/me — an example to replace: whom the caller's JSON Web Token was issued to. */
export default async function me(app: FastifyInstance): Promise<void> {
  const key = new TextEncoder().encode(app.config.JWT_SECRET);

  app.get("/me", async (request, reply) => {
    const subject = await verifiedSubject(bearerToken(request.headers.authorization), key);
    return subject ? { subject } : sendUnauthorized(reply);
  });
}

/** Returns the subject of a token that is signed with the key and has not expired, else undefined. */
async function verifiedSubject(token: string | undefined, key: Uint8Array): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(token ?? "", key, { algorithms: ["HS256"], requiredClaims: ["exp", "sub"] });
    // A foreign issuer's claims need not have the types that the standard gives them.
    return typeof payload.sub === "string" ? payload.sub : undefined;
  } catch {
    return undefined;
  }
}
