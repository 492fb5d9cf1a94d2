const CHECK_TIMEOUT_MS = 2_000;

/** What may be told about a failed check: its kind, never an address or a credential. */
export type Failure =
  | "timeout"
  | "connection refused"
  | "name not resolved"
  | "authentication failed"
  | "unexpected status"
  | "unavailable";

/** Tells how a dependency is. */
export interface Check {
  /** Resolves where the dependency works, else rejects; it may take 2 s at most. */
  run(): Promise<unknown>;
  /** Whether the service takes no traffic without this dependency. */
  required: boolean;
}

export interface CheckResult {
  status: "ok" | "error";
  latencyMs: number;
  error?: Failure;
}

/** Thrown by a check that knows the kind of failure. */
export class CheckError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure);
    this.failure = failure;
  }
}

const underWay = new Map<Check, Promise<CheckResult>>();

/**
 * Runs a check; who asks while it is under way shares its result, so that no number of probes floods a dependency.
 *
 * @param check what to run
 * @returns the result, after 2 s at most; never rejects
 */
export function runCheck(check: Check): Promise<CheckResult> {
  let result = underWay.get(check);
  if (!result) {
    result = measure(check).finally(() => underWay.delete(check));
    underWay.set(check, result);
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

/** Returns the kind of a failure, found by the error's code or that of its cause. */
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
