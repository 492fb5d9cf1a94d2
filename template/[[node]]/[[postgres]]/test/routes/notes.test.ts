import { expect, test } from "vitest";
import { app, headersOf } from "./app.ts";

// The integration tests cover what reaches the database.

const headers = await headersOf("alice");

test.each([
  ["no title", {}, "#/title"],
  ["an empty title", { title: "" }, "#/title"],
  ["a long title", { title: "x".repeat(201) }, "#/title"],
  ["a title with NUL", { title: "a\0" }, "#/title"],
  ["a long body", { title: "a", body: "x".repeat(10_001) }, "#/body"],
  ["an unknown field", { title: "a", author: "bob" }, "#/author"],
])("POST /api/v1/notes refuses %s and names the field", async (_, payload, pointer) => {
  const response = await app.inject({ method: "POST", url: "/api/v1/notes", headers, payload });
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ title: "Bad Request", errors: [{ pointer }] });
});

test.each([
  ["GET", "/api/v1/notes?limit=0", "limit"],
  ["GET", "/api/v1/notes?limit=101", "limit"],
  ["GET", "/api/v1/notes?cursor=secret", "cursor"],
  ["GET", "/api/v1/notes/secret", "id"],
  ["DELETE", "/api/v1/notes/0", "id"],
] as const)("%s %s is refused and names the parameter", async (method, url, parameter) => {
  const response = await app.inject({ method, url, headers });
  expect(response.statusCode).toBe(400);
  expect(response.json()).toMatchObject({ title: "Bad Request", errors: [{ parameter }] });
  expect(response.body).not.toContain("secret");
});

test.each([
  ["POST", "/api/v1/notes"],
  ["GET", "/api/v1/notes"],
  ["GET", "/api/v1/notes/1"],
  ["DELETE", "/api/v1/notes/1"],
] as const)("%s %s requires a token", async (method, url) => {
  expect((await app.inject({ method, url })).statusCode).toBe(401);
});
