import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { lint } from "./migration-lint.ts";

const folder = new URL("../migrations/", import.meta.url);

test("every migration is compatible with the running version", async () => {
  const findings: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    findings.push(...(await lint(`migrations/${name}`, await readFile(new URL(name, folder), "utf8"))));
  }
  if (findings.length > 0) {
    expect.fail(findings.join("\n\n"));
  }
});
