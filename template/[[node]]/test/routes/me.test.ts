import { SignJWT } from "jose";
import { afterAll, expect, test } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { environment } from "../environment.ts";
import { createTestLogger } from "../logs.ts";

const config = loadConfig(environment);
const app = buildApp(config, createTestLogger(config).logger);

afterAll(() => app.close());

function sign(claims: Record<string, unknown>, secret = environment.JWT_SECRET, algorithm = "HS256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm }).sign(new TextEncoder().encode(secret));
}

function get(token: string) {
  return app.inject({ url: "/api/v1/me", headers: { authorization: `Bearer ${token}` } });
}

const inAnHour = Math.floor(Date.now() / 1000) + 3600;

test("returns the token's subject", async () => {
  const response = await get(await sign({ sub: "alice", exp: inAnHour }));
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
  const response = await get(token);
  expect(response.statusCode).toBe(401);
  expect(response.headers["www-authenticate"]).toBe("Bearer");
  expect(response.json()).toEqual({ type: "about:blank", title: "Unauthorized", status: 401 });
});
