import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";

export const PROBLEM_TYPE = "application/problem+json";

/** Returns what an error's answer says (RFC 9457): the status and nothing about its cause. */
export function problem(status: number) {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status };
}

/** Answers with an error. */
export function sendProblem(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).type(PROBLEM_TYPE).send(problem(status));
}

/** Answers that the bearer token is missing or wrong, without saying which. */
export function sendUnauthorized(reply: FastifyReply): FastifyReply {
  return sendProblem(reply.header("WWW-Authenticate", "Bearer"), 401);
}
