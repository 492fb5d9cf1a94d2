import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { addBackground } from "../src/background.ts";
import { loadConfig } from "../src/config.ts";
import { createServer } from "../src/server.ts";
import { environment } from "./environment.ts";
import { createTestLogger } from "./logs.ts";

const config = loadConfig(environment);

test("closing waits for background work, and pools close after it", async () => {
  const app = createServer(config, createTestLogger(config).logger);
  const ended: string[] = [];
  app.addHook("onClose", async () => {
    ended.push("pool");
  });
  addBackground(app);
  app.background("job", async (signal) => {
    await once(signal, "abort");
    await wait(50);
    ended.push("job");
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  await app.close();
  expect(ended).toEqual(["job", "pool"]);
});
