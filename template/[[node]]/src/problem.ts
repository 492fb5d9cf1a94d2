import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";

export const PROBLEM_TYPE = "application/problem+json";

/** Returns a problem document (RFC 9457) with the status and without the cause. */
export function problem(status: number) {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status };
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).type(PROBLEM_TYPE).send(problem(status));
}

/** Sends a 401 that does not reveal whether the bearer token is missing or invalid. */
export function sendUnauthorized(reply: FastifyReply): FastifyReply {
  return sendProblem(reply.header("WWW-Authenticate", "Bearer"), 401);
}
