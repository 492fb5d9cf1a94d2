// Package metrics counts requests and serves the metrics to Prometheus.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the metrics of a service.
type Metrics struct {
	registry *prometheus.Registry
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// New returns the metrics of a service, including those of the Go runtime and the process.
func New() *Metrics {
	labels := []string{"method", "route", "status"}
	metrics := &Metrics{
		registry: prometheus.NewRegistry(),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "Requests answered.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from a request's arrival to the end of its response.",
			Buckets: prometheus.DefBuckets,
		}, labels),
	}
	metrics.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		metrics.total,
		metrics.duration,
	)
	return metrics
}

// Observe counts a request. The route is the matched pattern, because the number of paths is unlimited.
func (m *Metrics) Observe(method, route string, status int, duration time.Duration) {
	labels := []string{knownMethod(method), route, strconv.Itoa(status)}
	m.total.WithLabelValues(labels...).Inc()
	m.duration.WithLabelValues(labels...).Observe(duration.Seconds())
}

// Register adds GET /metrics to the mux.
func (m *Metrics) Register(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
}

// knownMethod returns the method or "other", so that invented methods do not create time series.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
