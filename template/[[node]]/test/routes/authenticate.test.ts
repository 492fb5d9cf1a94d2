import { expect, test } from "vitest";
import { requireToken } from "../../src/routes/authenticate.ts";
import { environment } from "../environment.ts";
import { app, headersOf, sign } from "./app.ts";

app.register(async (scope) => {
  requireToken(scope);
  scope.get("/test/subject", async (request) => ({ subject: request.subject }));
});

const inAnHour = Math.floor(Date.now() / 1000) + 3600;

test("passes the token's subject to the route", async () => {
  const response = await app.inject({ url: "/test/subject", headers: await headersOf("alice") });
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ subject: "alice" });
});

test.each([
  ["no token", ""],
  ["no JSON Web Token", "nonsense"],
  ["an unsigned token", `${btoa('{"alg":"none"}')}.${btoa(`{"sub":"alice","exp":${inAnHour}}`)}.`],
  ["an expired token", await sign({ sub: "alice", exp: inAnHour - 7200 })],
  ["a token without exp", await sign({ sub: "alice" })],
  ["a token without sub", await sign({ exp: inAnHour })],
  ["a sub that is no text", await sign({ sub: 1, exp: inAnHour })],
  ["an empty sub", await sign({ sub: "", exp: inAnHour })],
  ["another key", await sign({ sub: "alice", exp: inAnHour }, "another-secret-of-32-characters-or-more")],
  ["another algorithm", await sign({ sub: "alice", exp: inAnHour }, environment.JWT_SECRET.repeat(2), "HS512")],
])("refuses %s", async (_, token) => {
  const response = await app.inject({ url: "/test/subject", headers: { authorization: `Bearer ${token}` } });
  expect(response.statusCode).toBe(401);
  expect(response.headers["www-authenticate"]).toBe("Bearer");
  expect(response.json()).toEqual({ type: "about:blank", title: "Unauthorized", status: 401 });
});
