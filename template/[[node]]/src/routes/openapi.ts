import swagger, { type FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { SERVICE } from "../config.ts";

const text = { type: "string" } as const;

/** What all operations share. */
const openapi: NonNullable<FastifyDynamicSwaggerOptions["openapi"]> = {
  openapi: "3.1.0",
  info: { title: SERVICE, version: "1.0.0" },
  components: {
    schemas: {
      Problem: {
        type: "object",
        required: ["type", "title", "status"],
        properties: {
          type: text,
          title: text,
          status: { type: "integer" },
          detail: text,
          errors: {
            type: "array",
            items: {
              type: "object",
              required: ["detail"],
              properties: { pointer: text, parameter: text, detail: text },
            },
          },
        },
      },
    },
    securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
  },
};

const failure = {
  description: "Problem document (RFC 9457)",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Lets the routes of an instance have Zod schemas, and serves their OpenAPI document at /openapi.json. */
export function addOpenApi(app: FastifyInstance): void {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.register(swagger, {
    openapi,
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route);
      return { schema: { ...schema, response: { ...(schema.response as object), default: failure } }, url };
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}
