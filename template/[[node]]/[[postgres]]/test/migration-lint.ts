// Finds migrations that break the running version, during a release or after a rollback: see MIGRATIONS.md.
import { hasSqlDetails, type Node, type ParseResult, parse } from "libpg-query";
import { breakages } from "./breakages.ts";

const markExample = "-- phase: contract, since release 1.4 nothing reads orders.note";

// The phase that a file declares above its first statement: `-- phase: expand` or `contract`, with a reason.
interface Mark {
  phase?: "expand" | "contract";
  mistake?: string;
}

function readMark(text: string): Mark {
  const head = /^(?:\s*(?:--|\/\/).*)*/.exec(text)?.[0] ?? "";
  const mark = /^\s*(?:--|\/\/)\s*phase:(.*)$/im.exec(head)?.[1]?.trim();
  if (mark === undefined) {
    return {};
  }
  const phase = /^(expand|contract)\W+\w/.exec(mark)?.[1];
  return phase === "expand" || phase === "contract" ? { phase } : { mistake: mark };
}

// The up section as node-pg-migrate reads it; the text before it is blanked to keep line numbers.
function upPart(text: string): string {
  const up = text.search(/^\s*--[\s-]*up\s+migration/im);
  const down = text.search(/^\s*--[\s-]*down\s+migration/im);
  return up < 0 ? text : text.slice(0, up).replace(/\S/g, " ") + text.slice(up, down > up ? down : undefined);
}

function lineAt(sql: Buffer, offset: number): number {
  return sql.subarray(0, offset).toString().split("\n").length;
}

function unclear(place: string, what: string): string {
  return [
    `${place}: ${what}`,
    "  The lint cannot judge whether the running version is compatible with it.",
    "  Declare the phase in the first lines of the file, expand or contract, with a reason:",
    `  ${markExample}`,
  ].join("\n");
}

/**
 * Lint one migration.
 *
 * @param file its path, for the findings
 * @param text its content
 * @returns the findings, each with its place and a fix; empty if the migration is compatible
 */
export async function lint(file: string, text: string): Promise<string[]> {
  if (file.endsWith(".down.sql")) {
    return [];
  }
  const { phase, mistake } = readMark(text);
  if (mistake !== undefined) {
    return [`${file}: "phase: ${mistake}" is not a phase with a reason. Write:\n  ${markExample}`];
  }
  if (!file.endsWith(".sql")) {
    return phase ? [] : [unclear(file, "is not SQL")];
  }

  const up = upPart(text);
  const sql = Buffer.from(up);
  let tree: ParseResult;
  try {
    tree = await parse(up);
  } catch (error) {
    if (!hasSqlDetails(error)) {
      throw error;
    }
    const place = `${file}:${lineAt(sql, error.sqlDetails?.cursorPosition ?? 0)}`;
    return phase ? [] : [unclear(place, error.message)];
  }

  const findings: string[] = [];
  const earlier: Node[] = [];
  for (const { stmt, stmt_location: start = 0, stmt_len: length } of tree.stmts ?? []) {
    if (!stmt) {
      continue;
    }
    const source = sql.subarray(start, length ? start + length : undefined).toString();
    const statement = source.replace(/^(?:\s|--.*|\/\*[\s\S]*?\*\/)*/, "");
    const place = `${file}:${lineAt(sql, start + Buffer.byteLength(source) - Buffer.byteLength(statement))}`;
    const quoted = statement.replace(/\s+/g, " ").trim();
    if ("DoStmt" in stmt && !phase) {
      findings.push(unclear(place, quoted));
    }
    for (const { does, breaks, instead } of phase === "contract" ? [] : breakages(stmt, earlier)) {
      findings.push(
        [
          `${place}: ${quoted}`,
          `  It ${does}, but the running version ${breaks}.`,
          `  Expand first: ${instead} (MIGRATIONS.md).`,
          "  If that is done, declare in the first lines of the file since which release nothing uses it:",
          `  ${markExample}`,
        ].join("\n"),
      );
    }
    earlier.push(stmt);
  }
  return findings;
}
