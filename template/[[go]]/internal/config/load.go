package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error tells every variable that is wrong. It contains no values, as they may be secrets.
type Error struct {
	// Problems has a sentence for each wrong variable, in alphabetical order.
	Problems []string
}

func (err *Error) Error() string {
	return "The environment is not valid; nothing was started.\n  " + strings.Join(err.Problems, "\n  ")
}

// Load reads the configuration from environment variables, given by name. If any is not valid it returns an *Error.
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

// problems holds a sentence for each variable that is wrong: about the first problem that was found.
type problems struct {
	sentences map[string]string
	// variables and expects hold the name of each field's variable, and what each variable expects.
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

// add notes what is wrong with a variable.
func (problems problems) add(variable, problem string) {
	problems.addExpecting(variable, problem, problems.expects[variable])
}

func (problems problems) addExpecting(variable, problem, expects string) {
	if _, isKnown := problems.sentences[variable]; !isKnown {
		problems.sentences[variable] = variable + " " + problem + ": expects " + expects
	}
}

// addEmpty notes empty variables, for which env would take the default: whoever sets a variable means something.
func (problems problems) addEmpty(environment map[string]string) {
	for variable := range problems.expects {
		if value, isSet := environment[variable]; isSet && value == "" {
			problems.add(variable, "is empty")
		}
	}
}

// addUnreadable notes what env found: variables that are missing, or not of their field's type.
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
