import type { FastifyInstance } from "fastify";

/** Registers plugins for all routes, such as @fastify/cors: `app.register(cors)`. */
export default function plugins(_app: FastifyInstance): void {}
