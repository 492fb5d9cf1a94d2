import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { createTestLogger } from "../logs.ts";
import { headersOf } from "../routes/app.ts";
import { serviceEnvironment } from "./environment.ts";

const config = loadConfig(await serviceEnvironment());
const app = buildApp(config, createTestLogger(config).logger);
const headers = await headersOf("alice");

beforeAll(() => app.ready());
afterAll(() => app.close());

function create(title: string) {
  return app.inject({ method: "POST", url: "/api/v1/notes", headers, payload: { title } });
}

test("a note is created with its event, read and deleted", async () => {
  const created = await create("Water the plants");
  expect(created.statusCode).toBe(201);
  const note = created.json();
  expect(note).toEqual({
    id: expect.any(Number),
    title: "Water the plants",
    body: "",
    author: "alice",
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
  const url = `/api/v1/notes/${note.id}`;
  expect(created.headers.location).toBe(url);
  const events = await app.database.query("SELECT kind FROM note_events WHERE note_id = $1", [note.id]);
  expect(events.rows).toEqual([{ kind: "created" }]);

  expect((await app.inject({ url, headers })).json()).toEqual(note);
  expect((await app.inject({ method: "DELETE", url, headers })).statusCode).toBe(204);
  expect((await app.inject({ url, headers })).statusCode).toBe(404);
  expect((await app.inject({ method: "DELETE", url, headers })).statusCode).toBe(404);
});

test("notes are listed page by page", async () => {
  const ids = [];
  for (const title of ["one", "two", "three"]) {
    ids.push((await create(title)).json().id);
  }
  const first = (await app.inject({ url: "/api/v1/notes?limit=2", headers })).json();
  expect(first).toMatchObject({ items: [{ id: ids[0] }, { id: ids[1] }], next: ids[1] });
  const second = (await app.inject({ url: `/api/v1/notes?limit=2&cursor=${first.next}`, headers })).json();
  expect(second).toMatchObject({ items: [{ id: ids[2] }], next: null });
});

test("others see no note", async () => {
  const { location } = (await create("private")).headers;
  const others = await headersOf("bob");
  expect((await app.inject({ url: "/api/v1/notes", headers: others })).json()).toEqual({ items: [], next: null });
  expect((await app.inject({ url: String(location), headers: others })).statusCode).toBe(404);
  expect((await app.inject({ method: "DELETE", url: String(location), headers: others })).statusCode).toBe(404);
});
