import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";

export const PROBLEM_TYPE = "application/problem+json";

/** What the client can do about an error, without values of its request. */
export interface ProblemDetails {
  detail?: string;
  /** For each invalid field its JSON pointer (body) or parameter (query, path, headers). */
  errors?: ({ detail: string } & ({ pointer: string } | { parameter: string }))[];
}

/** Returns a problem document (RFC 9457) with the status and without the cause. */
export function problem(status: number, details: ProblemDetails = {}) {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, ...details };
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, status: number, details?: ProblemDetails): FastifyReply {
  return reply.code(status).type(PROBLEM_TYPE).send(problem(status, details));
}

/** Sends a 401 that does not reveal whether the bearer token is missing or invalid. */
export function sendUnauthorized(reply: FastifyReply): FastifyReply {
  return sendProblem(reply.header("WWW-Authenticate", "Bearer"), 401);
}
