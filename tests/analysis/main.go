// Measures metrics of AnalysisTemplates as Argo Rollouts does, on samples that a test makes up: with Prometheus's own
// engine for the queries and with the language of Argo's conditions, https://github.com/expr-lang/expr.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"time"

	"github.com/expr-lang/expr"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// work is what a test asks for: each metric measured at each time over the samples, in seconds.
type work struct {
	Series []struct {
		Labels  map[string]string `json:"labels"`
		Samples [][2]float64      `json:"samples"`
	} `json:"series"`
	Metrics []metric  `json:"metrics"`
	Times   []float64 `json:"times"`
}

type metric struct {
	Query   string `json:"query"`
	Success string `json:"success"`
	Failure string `json:"failure"`
}

func main() {
	var all []work
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		log.Fatal(err)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute})
	phases := make([][][]string, 0, len(all))
	for _, each := range all {
		samples := store(each)
		measured := [][]string{}
		for _, metric := range each.Metrics {
			row := []string{}
			for _, seconds := range each.Times {
				row = append(row, phase(metric, query(engine, samples, metric.Query, seconds)))
			}
			measured = append(measured, row)
		}
		phases = append(phases, measured)
	}
	if err := json.NewEncoder(os.Stdout).Encode(phases); err != nil {
		log.Fatal(err)
	}
}

// query returns the values of an instant vector, which are the result in the conditions:
// https://github.com/argoproj/argo-rollouts/blob/v1.10.2/metricproviders/prometheus/prometheus.go (processResponse)
func query(engine *promql.Engine, samples memory, text string, seconds float64) []float64 {
	at := time.UnixMilli(int64(seconds * 1000))
	instant, err := engine.NewInstantQuery(context.Background(), samples, nil, text, at)
	if err != nil {
		log.Fatal(err)
	}
	defer instant.Close()
	vector, err := instant.Exec(context.Background()).Vector()
	if err != nil {
		log.Fatal(err)
	}
	values := make([]float64, 0, len(vector))
	for _, sample := range vector {
		values = append(values, sample.F)
	}
	return values
}

// phase judges a result. A missing condition is the opposite of the other one; a result that neither condition accepts is
// inconclusive; a condition that fails, as result[0] of an empty result does, is an error:
// https://github.com/argoproj/argo-rollouts/blob/v1.10.2/utils/evaluate/evaluate.go (EvaluateResult, EvalCondition)
func phase(metric metric, result []float64) string {
	holds := func(condition string) (bool, error) {
		env := map[string]any{
			"result": result,
			"isNaN":  math.IsNaN,
			"isInf":  func(value float64) bool { return math.IsInf(value, 0) },
		}
		program, err := expr.Compile(condition, expr.Env(env), expr.AsBool())
		if err != nil {
			log.Fatal(err)
		}
		output, err := expr.Run(program, env)
		if err != nil {
			return false, err
		}
		return output.(bool), nil
	}
	succeeds, fails := false, false
	var err error
	if metric.Success != "" {
		if succeeds, err = holds(metric.Success); err != nil {
			return "Error"
		}
	}
	if metric.Failure != "" {
		if fails, err = holds(metric.Failure); err != nil {
			return "Error"
		}
	}
	switch {
	case metric.Success == "":
		succeeds = !fails
	case metric.Failure == "":
		fails = !succeeds
	}
	switch {
	case fails:
		return "Failed"
	case succeeds:
		return "Successful"
	}
	return "Inconclusive"
}

// memory holds series for the engine.
type memory []storage.Series

func store(work work) memory {
	var held memory
	for _, series := range work.Series {
		points := make([]chunks.Sample, 0, len(series.Samples))
		for _, point := range series.Samples {
			points = append(points, sample{int64(point[0] * 1000), point[1]})
		}
		held = append(held, storage.NewListSeries(labels.FromMap(series.Labels), points))
	}
	return held
}

func (m memory) Querier(int64, int64) (storage.Querier, error) { return querier{held: m}, nil }

type querier struct {
	storage.LabelQuerier
	held memory
}

func (q querier) Close() error { return nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &set{at: -1}
	for _, series := range q.held {
		matches := true
		for _, matcher := range matchers {
			matches = matches && matcher.Matches(series.Labels().Get(matcher.Name))
		}
		if matches {
			found.series = append(found.series, series)
		}
	}
	return found
}

type set struct {
	series []storage.Series
	at     int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *set) At() storage.Series                { return s.series[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	f float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
