// Fastify's hello world with the headers, the request id, the logger and the hooks that the service has too.
import { randomUUID } from "node:crypto";
import Fastify from "fastify";
import { pino } from "pino";

const headers = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "strict-transport-security": "max-age=31536000",
};
const app = Fastify({ loggerInstance: pino({ level: "error" }), genReqId: () => randomUUID() });
app.addHook("onRequest", (request, reply, done) => {
  reply.headers(headers).header("x-request-id", request.id);
  done();
});
app.addHook("onSend", (_request, _reply, _payload, done) => done());
app.addHook("onResponse", (_request, _reply, done) => done());
app.get("/health", (_request, reply) => reply.send({ status: "ok" }));
await app.listen({ host: "0.0.0.0", port: Number(process.env.PORT ?? 3000) });
