package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
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
	problems := load(&config, environment)
	config.check(problems)
	if len(problems.sentences) > 0 {
		return Config{}, problems.error()
	}
	return config, nil
}

// load reads the variables of a struct and returns the problems of those that it cannot read.
func load(target any, environment map[string]string) problems {
	structure := reflect.TypeOf(target).Elem()
	problems := newProblems(structure)
	isRead := true
	for _, variable := range variables(structure, "") {
		isRead = problems.addUnreadable(variable, environment) && isRead
	}
	if err := env.ParseWithOptions(target, env.Options{Environment: environment}); err != nil && isRead {
		problems.add("The configuration", "cannot be read: "+err.Error())
	}
	return problems
}

// variable is a field of the configuration with the name of its variable.
type variable struct {
	name   string
	prefix string
	field  reflect.StructField
}

// variables returns the variables of a struct and of the structs in it, whose tag envPrefix names their prefix.
func variables(structure reflect.Type, prefix string) []variable {
	var found []variable
	for _, field := range reflect.VisibleFields(structure) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case name != "":
			found = append(found, variable{prefix + name, prefix, field})
		case field.Type.Kind() == reflect.Struct && !field.Anonymous:
			found = append(found, variables(field.Type, prefix+field.Tag.Get("envPrefix"))...)
		}
	}
	return found
}

// problems holds the first problem of each invalid variable.
type problems struct {
	sentences map[string]string
	// expects maps variables to what they expect.
	expects map[string]string
}

// newProblems returns no problems yet, of the variables of a struct.
func newProblems(structure reflect.Type) problems {
	problems := problems{map[string]string{}, map[string]string{}}
	for _, variable := range variables(structure, "") {
		problems.expects[variable.name] = variable.field.Tag.Get("expects")
	}
	return problems
}

// error returns the problems in alphabetical order.
func (p problems) error() *Error {
	return &Error{slices.Sorted(maps.Values(p.sentences))}
}

// require records a problem of a variable unless a rule holds.
func (p problems) require(holds bool, variable, problem string) {
	if !holds {
		p.add(variable, problem)
	}
}

// add records a problem of a variable.
func (p problems) add(variable, problem string) {
	p.addExpecting(variable, problem, p.expects[variable])
}

func (p problems) addExpecting(variable, problem, expects string) {
	if _, isKnown := p.sentences[variable]; isKnown {
		return
	}
	sentence := variable + " " + problem
	if expects != "" {
		sentence += ": expects " + expects
	}
	p.sentences[variable] = sentence
}

// addUnreadable records why a variable cannot be read and returns whether it can. It reads each variable alone, because
// the errors of env do not name the variable.
func (p problems) addUnreadable(variable variable, environment map[string]string) bool {
	if value, isSet := environment[variable.name]; isSet {
		switch {
		case value == "": // env would use the default
			p.add(variable.name, "is empty")
			return false
		case value != strings.TrimSpace(value): // as in a Secret made with echo
			p.add(variable.name, "has surrounding white space")
			return false
		}
	}
	alone := variable.field
	alone.Offset, alone.Index, alone.Anonymous = 0, nil, false
	target := reflect.New(reflect.StructOf([]reflect.StructField{alone})).Interface()
	err := env.ParseWithOptions(target, env.Options{Environment: environment, Prefix: variable.prefix})
	if err == nil {
		return true
	}
	if _, isMissing := errors.AsType[env.VarIsNotSetError](err); isMissing {
		p.add(variable.name, "is missing")
	} else if option, isUnknown := errors.AsType[env.NoSupportedTagOptionError](err); isUnknown {
		p.addExpecting(variable.name, "has a tag with the unknown option "+strconv.Quote(option.Tag), "")
	} else if _, isUnknown := errors.AsType[env.NoParserError](err); isUnknown {
		p.addExpecting(variable.name, "has a field of an unsupported type", "")
	} else {
		p.add(variable.name, "is not valid")
	}
	return false
}
