import { expect, test } from "vitest";
import { app, headersOf } from "./app.ts";

const headers = await headersOf("alice");

function greet(payload: Record<string, unknown>) {
  return app.inject({ method: "POST", url: "/api/v1/greetings", headers, payload });
}

test("greets by name", async () => {
  const response = await greet({ name: "Ada" });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ greeting: "Hello, Ada" });
});

test("requires a token", async () => {
  const response = await app.inject({ method: "POST", url: "/api/v1/greetings", payload: { name: "Ada" } });
  expect(response.statusCode).toBe(401);
});

test.each([
  ["no name", {}, "#/name"],
  ["an empty name", { name: "" }, "#/name"],
  ["a long name", { name: "x".repeat(101) }, "#/name"],
  ["an unknown field", { name: "Ada", age: 1 }, "#/age"],
])("refuses %s and names the field", async (_, body, pointer) => {
  const response = await greet(body);
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ title: "Bad Request", errors: [{ pointer }] });
});
