import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadConfig } from "../src/config.ts";
import { createServer, listen } from "../src/server.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig({ ...environment, LOG_LEVEL: "info" });

let app: FastifyInstance;
let lines: Record<string, unknown>[];

beforeEach(() => {
  const logs = createTestLogger(config);
  lines = logs.lines;
  app = createServer(config, logs.logger);
  app.get("/things/:id", async () => ({}));
  app.post("/things", async (request) => request.body);
  app.get("/broken", async () => {
    throw new Error("the password is hunter2");
  });
});

afterEach(async () => {
  await app.close();
});

describe("headers", () => {
  test.each(["/things/1", "/unknown", "/broken", "/%zz"])("are set on %s", async (url) => {
    const { headers } = await app.inject(url);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cache-control": "no-store",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(headers).not.toHaveProperty("strict-transport-security");
  });

  test.each(["staging", "production"])("require HTTPS in %s", async (mode) => {
    const server = createServer(loadConfig({ ...environment, NODE_ENV: mode }), createTestLogger(config).logger);
    const { headers } = await server.inject("/");
    expect(headers["strict-transport-security"]).toBe("max-age=31536000");
    await server.close();
  });

  test("close the connection while draining", async () => {
    app.draining = true;
    const { headers } = await app.inject("/things/1");
    expect(headers.connection).toBe("close");
  });
});

describe("request id", () => {
  test("is the caller's if it is safe", async () => {
    const { headers } = await app.inject({ url: "/things/1", headers: { "x-request-id": "a.b_C-1" } });
    expect(headers["x-request-id"]).toBe("a.b_C-1");
  });

  test.each(["", "a b", "<script>", "x".repeat(129)])("replaces %j", async (id) => {
    const { headers } = await app.inject({ url: "/things/1", headers: { "x-request-id": id } });
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("errors", () => {
  test.each([
    ["GET", "/unknown", 404, "Not Found"],
    ["POST", "/unknown", 404, "Not Found"],
    ["GET", "/%zz", 400, "Bad Request"],
    ["PUT", "/things/1", 405, "Method Not Allowed"],
    ["PROPFIND", "/things/1", 405, "Method Not Allowed"],
    ["GET", "/broken", 500, "Internal Server Error"],
  ] as const)("%s %s is answered with %i", async (method, url, status, title) => {
    const response = await app.inject({ method: method as "GET", url, body: "text" });
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toMatch("application/problem+json");
    expect(response.json()).toEqual({ type: "about:blank", title, status });
  });

  test.each([
    ["/limited", 503, { "retry-after": "10" }],
    ["/unusual", 500, {}],
  ])("%s keeps its status and headers", async (url, status, headers) => {
    app.get("/limited", async (_request, reply) => {
      reply.header("retry-after", "10");
      throw Object.assign(new Error("the password is hunter2"), { statusCode: 503 });
    });
    app.get("/unusual", async () => {
      throw Object.assign(new Error("not an HTTP status"), { statusCode: 999 });
    });
    const response = await app.inject(url);
    expect(response.statusCode).toBe(status);
    expect(response.headers).toMatchObject(headers);
    expect(response.body).not.toContain("hunter2");
  });

  test("a 4xx of a plugin has its message", async () => {
    app.get("/forbidden", async () => {
      throw Object.assign(new Error("Ask for the role editor."), { statusCode: 403 });
    });
    const { body } = await app.inject("/forbidden");
    expect(JSON.parse(body)).toMatchObject({ status: 403, detail: "Ask for the role editor." });
  });

  test("a 400 names the invalid fields, in the log too, and no value", async () => {
    const body = { type: "object", required: ["title"], properties: { size: { type: "integer" } } };
    const querystring = { type: "object", properties: { limit: { type: "integer", maximum: 100 } } };
    app.post("/orders", { schema: { body, querystring } }, async () => ({}));
    const missing = await app.inject({ method: "POST", url: "/orders", body: { size: 1 } });
    expect(missing.json()).toEqual({
      type: "about:blank",
      title: "Bad Request",
      status: 400,
      detail: "The body of the request is invalid.",
      errors: [{ pointer: "#/title", detail: "must have required property 'title'" }],
    });
    const wrong = await app.inject({ method: "POST", url: "/orders?limit=hunter2", body: { title: "a" } });
    expect(wrong.json()).toMatchObject({ errors: [{ parameter: "limit", detail: "must be integer" }] });
    expect(lines).toContainEqual(expect.objectContaining({ level: "info", msg: "invalid request" }));
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  });

  test("an owner's not-found handler comes first", async () => {
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({ own: true }));
    expect((await app.inject("/unknown")).json()).toEqual({ own: true });
  });

  test("a version that no route has is answered with 404", async () => {
    app.get("/versioned", { constraints: { version: "1.0.0" } }, async () => ({}));
    const { statusCode } = await app.inject({ url: "/versioned", headers: { "accept-version": "2.x" } });
    expect(statusCode).toBe(404);
  });

  test("405 lists the allowed methods", async () => {
    const response = await app.inject({ method: "DELETE", url: "/things/1/?query" });
    expect(response.headers.allow).toBe("GET, HEAD");
  });

  test("refuses a body larger than 1 MiB", async () => {
    const accepted = await app.inject({ method: "POST", url: "/things", body: { text: "x".repeat(2 ** 20 - 20) } });
    const refused = await app.inject({ method: "POST", url: "/things", body: { text: "x".repeat(2 ** 20) } });
    expect([accepted.statusCode, refused.statusCode]).toEqual([200, 413]);
  });

  test("the cause of a 500 is only logged", async () => {
    const { body } = await app.inject("/broken");
    expect(body).not.toContain("hunter2");
    expect(lines).toContainEqual(expect.objectContaining({ level: "error", msg: "request failed" }));
  });

  test.each([
    ["nonsense\r\n\r\n", "400 Bad Request"],
    [`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431 Request Header Fields Too Large"],
  ])("answers invalid requests", async (text, status) => {
    await app.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(text);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(`HTTP/1.1 ${status}`);
    expect(String(answer)).toMatch("application/problem+json");
  });
});

test("exits with 1 if the port is already in use", async () => {
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  await listen(app, 0);
  const { port } = app.server.address() as AddressInfo;
  const { lines, logger } = createTestLogger(config);
  const second = createServer(config, logger);
  await listen(second, port);
  expect(exit).toHaveBeenCalledWith(1);
  expect(lines).toContainEqual(expect.objectContaining({ level: "error", msg: `port ${port} is already in use` }));
  exit.mockRestore();
  await second.close();
});

describe("request log", () => {
  test("has one line per request, without the query string", async () => {
    const { headers } = await app.inject("/things/1?token=hunter2");
    expect(lines).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: "info",
        msg: "request",
        service: expect.any(String),
        version: "unknown",
        requestId: headers["x-request-id"],
        method: "GET",
        path: "/things/1",
        status: 200,
        durationMs: expect.any(Number),
      },
    ]);
  });
});
