const CHECK_TIMEOUT_MS = 2_000;

/** The kind of failure, never an address or a credential. */
export type Failure =
  | "timeout"
  | "connection refused"
  | "name not resolved"
  | "authentication failed"
  | "unexpected status"
  | "unavailable";

/** A health check of a dependency. */
export interface Check {
  /** Resolves if the dependency works, otherwise rejects. The time limit is 2 s. */
  run(): Promise<unknown>;
  /** Whether the service is not ready without this dependency. */
  required: boolean;
}

export interface CheckResult {
  status: "ok" | "error";
  latencyMs: number;
  error?: Failure;
}

/** A failure whose kind the check knows. */
export class CheckError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure);
    this.failure = failure;
  }
}

const running = new Map<Check, Promise<CheckResult>>();

/**
 * Runs a check. Concurrent callers share one run, so that many probes do not flood a dependency.
 *
 * @param check the check to run
 * @returns the result within 2 s; never rejects
 */
export function runCheck(check: Check): Promise<CheckResult> {
  let result = running.get(check);
  if (!result) {
    result = measure(check).finally(() => running.delete(check));
    running.set(check, result);
  }
  return result;
}

async function measure(check: Check): Promise<CheckResult> {
  const startedAt = performance.now();
  const latencyMs = () => Math.round((performance.now() - startedAt) * 10) / 10;
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new CheckError("timeout")), CHECK_TIMEOUT_MS);
  try {
    await Promise.race([check.run(), timeout.promise]);
    return { status: "ok", latencyMs: latencyMs() };
  } catch (error) {
    return { status: "error", latencyMs: latencyMs(), error: failureOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the kind of failure from the code of an error or of its cause. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CheckError) {
    return error.failure;
  }
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "name not resolved";
    case "ETIMEDOUT":
      return "timeout";
    default:
      return cause ? failureOf(cause) : "unavailable";
  }
}
