import type { FastifyInstance } from "fastify";
import { CheckError } from "./checks.ts";

const TIMEOUT_MS = 10_000;
const CHECK_TIMEOUT_MS = 2_000;

declare module "fastify" {
  interface FastifyInstance {
    /** The external API: `await app.externalApi.get("/v1/things")`. */
    externalApi: ExternalApi;
  }
}

/** A client of the external API. */
export class ExternalApi {
  readonly #baseUrl: string;

  /** @param baseUrl the prefix of every path */
  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/$/, "");
  }

  /**
   * Sends a GET request.
   *
   * @param path the path below the base address, with its leading slash
   * @param timeoutMs the time limit in milliseconds
   * @returns the response, whatever its status
   * @throws TypeError without a response, DOMException "TimeoutError" after the time limit
   */
  get(path: string, timeoutMs = TIMEOUT_MS): Promise<Response> {
    return fetch(this.#baseUrl + path, { signal: AbortSignal.timeout(timeoutMs) });
  }
}

/** Adds the external API and its health check. */
export function addExternalApi(app: FastifyInstance, url: string): void {
  const externalApi = new ExternalApi(url);
  app.decorate("externalApi", externalApi);
  app.checks.set("externalApi", {
    run: () => ping(externalApi),
    required: app.config.READY_REQUIRES.includes("externalApi"),
  });
}

async function ping(externalApi: ExternalApi): Promise<void> {
  const response = await externalApi.get("", CHECK_TIMEOUT_MS);
  await response.body?.cancel();
  if (response.status >= 500) {
    throw new CheckError("unexpected status");
  }
}
