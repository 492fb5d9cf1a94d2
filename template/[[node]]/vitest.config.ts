import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/integration/**"],
          // They take milliseconds, but not on a machine that is busy with something else.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          // The tests share ports and whatever keeps the service's data.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
    coverage: {
      include: ["src/**"],
      // What only wires or runs as a process of its own is covered by the integration tests.
      exclude: ["src/main.ts", "src/healthcheck.ts", "src/migrate.ts", "src/probe.ts"],
      thresholds: {
        statements: 90,
        branches: 80,
        functions: 90,
        lines: 90,
      },
    },
  },
});
