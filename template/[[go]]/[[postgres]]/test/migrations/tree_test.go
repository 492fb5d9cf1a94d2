package migrations_test

// A statement is a part of PostgreSQL's syntax tree: the nodes that can break older code.
type statement struct {
	Node     node `json:"stmt"`
	Location int  `json:"stmt_location"`
	Length   int  `json:"stmt_len"` // zero for the last one
}

// A node has one of these, depending on its statement.
type node struct {
	Alter *struct {
		Commands []struct {
			Command command `json:"AlterTableCmd"`
		} `json:"cmds"`
		Table table `json:"relation"`
	} `json:"AlterTableStmt"`
	AlterEnum *struct {
		OldValue string `json:"oldVal"`
	} `json:"AlterEnumStmt"`
	Create *struct {
		IfNotExists bool  `json:"if_not_exists"`
		Table       table `json:"relation"`
	} `json:"CreateStmt"`
	CreateAs *struct {
		Into struct {
			Table table `json:"rel"`
		} `json:"into"`
	} `json:"CreateTableAsStmt"`
	Do   *struct{} `json:"DoStmt"`
	Drop *struct {
		Kind string `json:"removeType"`
	} `json:"DropStmt"`
	Move *struct {
		Kind  string `json:"objectType"`
		Table table  `json:"relation"`
	} `json:"AlterObjectSchemaStmt"`
	Rename *struct {
		Kind  string `json:"renameType"`
		Name  string `json:"subname"` // of a part, such as a column
		Table table  `json:"relation"`
	} `json:"RenameStmt"`
}

type table struct {
	Schema string `json:"schemaname"`
	Name   string `json:"relname"`
}

type command struct {
	Kind       string `json:"subtype"`
	Name       string `json:"name"`
	Definition *struct {
		Column column `json:"ColumnDef"`
	} `json:"def"`
}

type column struct {
	Name string `json:"colname"`
	Type struct {
		Names []struct {
			String struct {
				Value string `json:"sval"`
			} `json:"String"`
		} `json:"names"`
	} `json:"typeName"`
	Constraints []struct {
		Constraint struct {
			Kind string `json:"contype"`
		} `json:"Constraint"`
	} `json:"constraints"`
}
