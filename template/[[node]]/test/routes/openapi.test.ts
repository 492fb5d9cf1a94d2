import { expect, test } from "vitest";
import { app } from "./app.ts";

test("openapi.json is what the service serves: run `make openapi` after a change of the routes", async () => {
  const response = await app.inject("/openapi.json");
  await expect(`${JSON.stringify(response.json(), null, 2)}\n`).toMatchFileSnapshot("../../openapi.json");
});
