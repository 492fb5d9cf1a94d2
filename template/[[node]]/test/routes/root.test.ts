import { expect, test } from "vitest";
import { SERVICE } from "../../src/config.ts";
import { app } from "./app.ts";

test("GET / returns the service's name", async () => {
  expect((await app.inject("/")).json()).toEqual({ service: SERVICE, version: "unknown" });
});
