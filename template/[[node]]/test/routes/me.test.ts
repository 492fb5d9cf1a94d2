import { expect, test } from "vitest";
import { app, headersOf } from "./app.ts";

test("GET /api/v1/me returns the token's subject", async () => {
  const response = await app.inject({ url: "/api/v1/me", headers: await headersOf("alice") });
  expect(response.json()).toEqual({ subject: "alice" });
});

test("GET /api/v1/me requires a token", async () => {
  expect((await app.inject("/api/v1/me")).statusCode).toBe(401);
});
