// Finds statements that break older code, from PostgreSQL's syntax tree.
import type { AlterTableCmd, ColumnDef, Node, RangeVar } from "libpg-query";

export interface Breakage {
  does: string;
  breaks: string;
  instead: string;
}

// Objects that code refers to. It does not refer to indexes, triggers and constraints.
const kinds: Record<string, string> = {
  OBJECT_ATTRIBUTE: "attribute",
  OBJECT_COLUMN: "column",
  OBJECT_DOMAIN: "domain",
  OBJECT_EXTENSION: "extension",
  OBJECT_FOREIGN_TABLE: "foreign table",
  OBJECT_FUNCTION: "function",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_PROCEDURE: "procedure",
  OBJECT_SCHEMA: "schema",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_TABLE: "table",
  OBJECT_TYPE: "type",
  OBJECT_VIEW: "view",
};

const replaceIt = "add a new one, migrate the code in later releases, then drop the old one";

function drops(what: string): Breakage {
  return {
    does: `drops ${what}`,
    breaks: "may still use it",
    instead: "release code that does not use it, then drop it in the next release",
  };
}

function renames(what: string): Breakage {
  return { does: `renames ${what}`, breaks: "uses the old name", instead: replaceIt };
}

function hasDefault({ constraints = [], typeName }: ColumnDef): boolean {
  const type = typeName?.names?.at(-1);
  const isSerial = type !== undefined && "String" in type && /^(small|big)?serial[248]?$/.test(type.String.sval ?? "");
  return (
    isSerial ||
    constraints.some(
      (node) =>
        "Constraint" in node &&
        ["CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"].includes(node.Constraint.contype ?? ""),
    )
  );
}

function isRequired({ constraints = [] }: ColumnDef): boolean {
  return constraints.some(
    (node) => "Constraint" in node && ["CONSTR_NOTNULL", "CONSTR_PRIMARY"].includes(node.Constraint.contype ?? ""),
  );
}

function ofCommand({ subtype, name, def }: AlterTableCmd): Breakage[] {
  const column = `the column ${name}`;
  switch (subtype) {
    case "AT_DropColumn":
      return [drops(column)];
    case "AT_AlterColumnType":
      return [{ does: `changes the type of ${column}`, breaks: "reads and writes the old type", instead: replaceIt }];
    case "AT_SetNotNull":
      return [
        {
          does: `makes ${column} NOT NULL`,
          breaks: "may leave it empty",
          instead: "release code that always sets it, fill existing rows, then do this in the next release",
        },
      ];
    case "AT_ColumnDefault":
    case "AT_DropIdentity":
      return def
        ? []
        : [
            {
              does: `drops the default of ${column}`,
              breaks: "may insert rows without it",
              instead: "release code that always sets it, then do this in the next release",
            },
          ];
    case "AT_AddColumn":
      if (def && "ColumnDef" in def && isRequired(def.ColumnDef) && !hasDefault(def.ColumnDef)) {
        return [
          {
            does: `adds the column ${def.ColumnDef.colname}, which is NOT NULL and has no default`,
            breaks: "inserts rows without it",
            instead: "add a DEFAULT, or add NOT NULL in a later release",
          },
        ];
      }
      return [];
    default:
      return [];
  }
}

function isSameTable(one: RangeVar, other?: RangeVar): boolean {
  return one.relname === other?.relname && one.schemaname === other?.schemaname;
}

function creates(statement: Node, table: RangeVar): boolean {
  if ("CreateStmt" in statement) {
    return !statement.CreateStmt.if_not_exists && isSameTable(table, statement.CreateStmt.relation);
  }
  return "CreateTableAsStmt" in statement && isSameTable(table, statement.CreateTableAsStmt.into?.rel);
}

/**
 * Returns what a statement breaks.
 *
 * @param statement the statement's syntax tree
 * @param earlier the earlier statements of the migration: no code uses the tables that they create
 * @returns the breakages; empty if the previous version can run with it
 */
export function breakages(statement: Node, earlier: Node[]): Breakage[] {
  const isNew = (table?: RangeVar) => table !== undefined && earlier.some((other) => creates(other, table));

  if ("DropStmt" in statement) {
    const kind = kinds[statement.DropStmt.removeType ?? ""];
    return kind ? [drops(`a ${kind}`)] : [];
  }
  if ("RenameStmt" in statement) {
    const { relation, renameType, subname } = statement.RenameStmt;
    const kind = kinds[renameType ?? ""];
    return kind && !isNew(relation) ? [renames(subname ? `the ${kind} ${subname}` : `a ${kind}`)] : [];
  }
  if ("AlterObjectSchemaStmt" in statement) {
    const { objectType, relation } = statement.AlterObjectSchemaStmt;
    const kind = kinds[objectType ?? ""];
    return kind && !isNew(relation) ? [renames(`a ${kind}, by moving it to another schema`)] : [];
  }
  if ("AlterEnumStmt" in statement) {
    return statement.AlterEnumStmt.oldVal ? [renames(`the value ${statement.AlterEnumStmt.oldVal}`)] : [];
  }
  if ("AlterTableStmt" in statement) {
    const { cmds = [], relation } = statement.AlterTableStmt;
    return isNew(relation)
      ? []
      : cmds.flatMap((node) => ("AlterTableCmd" in node ? ofCommand(node.AlterTableCmd) : []));
  }
  return [];
}
