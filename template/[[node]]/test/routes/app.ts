import { SignJWT } from "jose";
import { afterAll } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { environment } from "../environment.ts";
import { createTestLogger } from "../logs.ts";

const config = loadConfig(environment);

/** The app for tests of routes. Nothing listens at the addresses of its dependencies. */
export const app = buildApp(config, createTestLogger(config).logger);

afterAll(() => app.close());

/** Signs a token. */
export function sign(
  claims: Record<string, unknown>,
  secret = environment.JWT_SECRET,
  algorithm = "HS256",
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm }).sign(new TextEncoder().encode(secret));
}

/** Returns the headers of a user's requests. */
export async function headersOf(subject: string) {
  const token = await sign({ sub: subject, exp: Math.floor(Date.now() / 1000) + 3600 });
  return { authorization: `Bearer ${token}` };
}
