package config //nolint:testpackage // load reads any struct, Load only Config

import (
	"maps"
	"slices"
	"testing"
)

func TestProblemsOfFieldsThatOwnersAdd(t *testing.T) {
	type database struct {
		Host string `env:"HOST,required" expects:"a host name"`
		Size uint8  `env:"SIZE" envDefault:"4" expects:"a number"`
	}
	type configuration struct {
		Database    database          `envPrefix:"REPORTS_"`
		Certificate string            `env:"CERTIFICATE,file" expects:"the path of a file"`
		Regions     []string          `env:"REGIONS,notEmpty" expects:"names separated by commas"`
		Weights     map[string]uint8  `env:"WEIGHTS" expects:"region:weight, separated by commas"`
		Misspelt    string            `env:"MISSPELT,requird"`
		Channel     chan struct{}     `env:"CHANNEL"`
		Labels      map[string]string `env:"LABELS"`
	}
	var loaded configuration
	problems := load(&loaded, map[string]string{
		"REPORTS_SIZE": "many",
		"CERTIFICATE":  "/nowhere/hush",
		"WEIGHTS":      "hush",
		"MISSPELT":     "a",
		"CHANNEL":      "a",
		"LABELS":       " team:a",
	})
	want := []string{
		"CERTIFICATE is not valid: expects the path of a file",
		"CHANNEL has a field of an unsupported type",
		"LABELS has surrounding white space",
		`MISSPELT has a tag with the unknown option "requird"`,
		"REGIONS is not valid: expects names separated by commas",
		"REPORTS_HOST is missing: expects a host name",
		"REPORTS_SIZE is not valid: expects a number",
		"WEIGHTS is not valid: expects region:weight, separated by commas",
	}
	if got := slices.Sorted(maps.Values(problems.sentences)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFieldsThatOwnersAddAreRead(t *testing.T) {
	type configuration struct {
		Database struct {
			Host string `env:"HOST,required"`
		} `envPrefix:"REPORTS_"`
		Regions []string         `env:"REGIONS,notEmpty"`
		Weights map[string]uint8 `env:"WEIGHTS"`
	}
	var loaded configuration
	problems := load(&loaded, map[string]string{"REPORTS_HOST": "db", "REGIONS": "eu,us", "WEIGHTS": "eu:1,us:2"})
	if len(problems.sentences) > 0 || loaded.Database.Host != "db" ||
		loaded.Weights["us"] != 2 || len(loaded.Regions) != 2 {
		t.Errorf("got %+v, problems %q", loaded, problems.sentences)
	}
}
