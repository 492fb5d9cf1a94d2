package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error lists every invalid variable, without values, which may be secrets.
type Error struct {
	// Problems has one sentence per invalid variable, in alphabetical order.
	Problems []string
}

func (err *Error) Error() string {
	return "Invalid environment; the service did not start.\n  " + strings.Join(err.Problems, "\n  ")
}

// Load reads the configuration from environment variables by name. If one is invalid, it returns an *Error.
func Load(environment map[string]string) (Config, error) {
	var config Config
	problems := newProblems()
	problems.addEmpty(environment)
	problems.addUnreadable(env.ParseWithOptions(&config, env.Options{Environment: environment}))
	config.check(problems)
	if len(problems.sentences) > 0 {
		return Config{}, &Error{slices.Sorted(maps.Values(problems.sentences))}
	}
	return config, nil
}

// problems holds the first problem of each invalid variable.
type problems struct {
	sentences map[string]string
	// variables maps fields to variables, expects maps variables to what they expect.
	variables, expects map[string]string
}

func newProblems() problems {
	problems := problems{map[string]string{}, map[string]string{}, map[string]string{}}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		variable, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		problems.variables[field.Name] = variable
		problems.expects[variable] = field.Tag.Get("expects")
	}
	return problems
}

// add records a problem of a variable.
func (problems problems) add(variable, problem string) {
	problems.addExpecting(variable, problem, problems.expects[variable])
}

func (problems problems) addExpecting(variable, problem, expects string) {
	if _, isKnown := problems.sentences[variable]; !isKnown {
		problems.sentences[variable] = variable + " " + problem + ": expects " + expects
	}
}

// addEmpty records empty variables, for which env would use the default.
func (problems problems) addEmpty(environment map[string]string) {
	for variable := range problems.expects {
		if value, isSet := environment[variable]; isSet && value == "" {
			problems.add(variable, "is empty")
		}
	}
}

// addUnreadable records the errors of env: variables that are missing or not of their field's type.
func (problems problems) addUnreadable(err error) {
	failures, _ := errors.AsType[env.AggregateError](err)
	for _, failure := range failures.Errors {
		if missing, is := errors.AsType[env.VarIsNotSetError](failure); is {
			problems.add(missing.Key, "is missing")
		}
		if unreadable, is := errors.AsType[env.ParseError](failure); is {
			problems.add(problems.variables[unreadable.Name], "is not valid")
		}
	}
}
