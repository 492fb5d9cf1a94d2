// Package metrics counts requests and offers the figures to Prometheus.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the figures of one service.
type Metrics struct {
	registry *prometheus.Registry
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// New returns figures that start at zero, with those of the Go runtime and the process.
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
			Help:    "Time from a request's arrival to the end of its answer.",
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

// Observe counts one request. The route is the pattern that matched, not the path: paths are without number.
func (metrics *Metrics) Observe(method, route string, status int, duration time.Duration) {
	labels := []string{knownMethod(method), route, strconv.Itoa(status)}
	metrics.total.WithLabelValues(labels...).Inc()
	metrics.duration.WithLabelValues(labels...).Observe(duration.Seconds())
}

// Register adds GET /metrics to the mux.
func (metrics *Metrics) Register(mux *http.ServeMux) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}))
}

// knownMethod returns the method, or "other": clients can invent methods, and each would be a time series of its own.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
