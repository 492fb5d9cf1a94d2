package migrations_test

import (
	"regexp"
	"slices"
)

// A breakage is a change that breaks older code.
type breakage struct {
	does, breaks, instead string
}

const replaceIt = "add a new one, migrate the code in later releases, then drop the old one"

// kinds are objects that code refers to. It does not refer to indexes, triggers and constraints.
var kinds = map[string]string{
	"OBJECT_ATTRIBUTE":     "attribute",
	"OBJECT_COLUMN":        "column",
	"OBJECT_DOMAIN":        "domain",
	"OBJECT_EXTENSION":     "extension",
	"OBJECT_FOREIGN_TABLE": "foreign table",
	"OBJECT_FUNCTION":      "function",
	"OBJECT_MATVIEW":       "materialized view",
	"OBJECT_PROCEDURE":     "procedure",
	"OBJECT_SCHEMA":        "schema",
	"OBJECT_SEQUENCE":      "sequence",
	"OBJECT_TABLE":         "table",
	"OBJECT_TYPE":          "type",
	"OBJECT_VIEW":          "view",
}

var serial = regexp.MustCompile(`^(small|big)?serial[248]?$`)

// breakages returns what a statement breaks, or nothing if the previous version can run with it. No code uses the
// tables that earlier statements of the migration create.
func breakages(node node, earlier []statement) []breakage {
	switch {
	case node.Drop != nil:
		if kind := kinds[node.Drop.Kind]; kind != "" {
			return []breakage{drops("a " + kind)}
		}
	case node.Rename != nil:
		kind := kinds[node.Rename.Kind]
		if kind == "" || isNew(node.Rename.Table, earlier) {
			return nil
		}
		if node.Rename.Name != "" {
			return []breakage{renames("the " + kind + " " + node.Rename.Name)}
		}
		return []breakage{renames("a " + kind)}
	case node.Move != nil:
		if kind := kinds[node.Move.Kind]; kind != "" && !isNew(node.Move.Table, earlier) {
			return []breakage{renames("a " + kind + ", by moving it to another schema")}
		}
	case node.AlterEnum != nil:
		if value := node.AlterEnum.OldValue; value != "" {
			return []breakage{renames("the value " + value)}
		}
	case node.Alter != nil && !isNew(node.Alter.Table, earlier):
		var found []breakage
		for _, entry := range node.Alter.Commands {
			found = append(found, ofCommand(entry.Command)...)
		}
		return found
	}
	return nil
}

func isNew(created table, earlier []statement) bool {
	return created.Name != "" && slices.ContainsFunc(earlier, func(statement statement) bool {
		create, createAs := statement.Node.Create, statement.Node.CreateAs
		return create != nil && !create.IfNotExists && create.Table == created ||
			createAs != nil && createAs.Into.Table == created
	})
}

func ofCommand(command command) []breakage {
	name := "the column " + command.Name
	switch command.Kind {
	case "AT_DropColumn":
		return []breakage{drops(name)}
	case "AT_AlterColumnType":
		return []breakage{{"changes the type of " + name, "reads and writes the old type", replaceIt}}
	case "AT_SetNotNull":
		return []breakage{{
			"makes " + name + " NOT NULL", "may leave it empty",
			"release code that always sets it, fill existing rows, then do this in the next release",
		}}
	case "AT_ColumnDefault", "AT_DropIdentity":
		if command.Definition == nil {
			return []breakage{{
				"drops the default of " + name, "may insert rows without it",
				"release code that always sets it, then do this in the next release",
			}}
		}
	case "AT_AddColumn":
		if column := command.Definition.Column; column.isRequired() && !column.hasDefault() {
			return []breakage{{
				"adds the column " + column.Name + ", which is NOT NULL and has no default",
				"inserts rows without it", "add a DEFAULT, or add NOT NULL in a later release",
			}}
		}
	}
	return nil
}

func (c column) isRequired() bool {
	return c.has("CONSTR_NOTNULL", "CONSTR_PRIMARY")
}

func (c column) hasDefault() bool {
	names := c.Type.Names
	return c.has("CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED") ||
		len(names) > 0 && serial.MatchString(names[len(names)-1].String.Value)
}

func (c column) has(kinds ...string) bool {
	for _, entry := range c.Constraints {
		if slices.Contains(kinds, entry.Constraint.Kind) {
			return true
		}
	}
	return false
}

func drops(what string) breakage {
	return breakage{
		"drops " + what, "may still use it", "release code that does not use it, then drop it in the next release",
	}
}

func renames(what string) breakage {
	return breakage{"renames " + what, "uses the old name", replaceIt}
}
