// Tells which migrations break the version that still runs while they are applied, and after a rollback: MIGRATIONS.md.
import { hasSqlDetails, type Node, type ParseResult, parse } from "libpg-query";
import { breakages } from "./breakages.ts";

const markExample = "-- phase: contract, since release 1.4 nothing reads orders.note";

// What a migration file says about itself above its first statement: `-- phase: expand` or `contract`, and why.
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

// The part that is applied, as node-pg-migrate finds it, with blanks for what stands before.
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
    "  Whether the version that still runs can live with it cannot be told from outside.",
    "  Say in the file's first lines which phase it is, expand or contract, and why:",
    `  ${markExample}`,
  ].join("\n");
}

/**
 * Lint one migration.
 *
 * @param file its path, for the findings
 * @param text what it contains
 * @returns what is wrong with it, for people, each with the place and what to do; nothing where it suits
 */
export async function lint(file: string, text: string): Promise<string[]> {
  if (file.endsWith(".down.sql")) {
    return [];
  }
  const { phase, mistake } = readMark(text);
  if (mistake !== undefined) {
    return [`${file}: "phase: ${mistake}" is not a phase and why. Write it like this:\n  ${markExample}`];
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
          `  It ${does}, but the version that still runs ${breaks}.`,
          `  Expand first: ${instead} (MIGRATIONS.md).`,
          "  Where that is done, say in the file's first lines since when nothing needs what this takes away:",
          `  ${markExample}`,
        ].join("\n"),
      );
    }
    earlier.push(stmt);
  }
  return findings;
}
