import type { FastifyInstance } from "fastify";

type Work = (signal: AbortSignal) => Promise<void>;

declare module "fastify" {
  interface FastifyInstance {
    /**
     * Starts work beside the requests when the server listens. Return when the signal is aborted: the shutdown waits
     * for the work until its timeout, and closes the pools afterwards. If the work fails, the service drains and exits
     * with 1.
     */
    background(name: string, work: Work): void;
  }
}

/** Adds `app.background`. Add pools before it: hooks close in the opposite order. */
export function addBackground(app: FastifyInstance): void {
  const running: Promise<void>[] = [];

  app.decorate("background", (name: string, work: Work) => {
    app.addHook("onListen", () => {
      running.push(supervise(name, work, app.shutdown.signal));
    });
  });
  app.addHook("onClose", async () => {
    app.shutdown.abort();
    await Promise.allSettled(running);
  });
}

/** Runs work. Its rejection is not handled here, so that it ends the service as any unexpected error does. */
async function supervise(name: string, work: Work, signal: AbortSignal): Promise<void> {
  try {
    await work(signal);
  } catch (error) {
    throw new Error(`background work ${name} failed`, { cause: error });
  }
}
