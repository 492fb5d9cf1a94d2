module analysis

go 1.26

require (
	github.com/expr-lang/expr v1.17.7
	github.com/prometheus/prometheus v0.305.0
)
