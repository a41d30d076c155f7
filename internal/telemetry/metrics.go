package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counts and times of one server, in a registry of their own.
// Its methods are safe for concurrent use and fit the hooks of the engine's parts.
type Metrics struct {
	registry *prometheus.Registry

	accepted   prometheus.Counter
	planned    prometheus.Counter
	refused    *prometheus.CounterVec   // reason
	attempts   *prometheus.CounterVec   // service, result
	finished   *prometheus.CounterVec   // status
	attemptSec *prometheus.HistogramVec // service
	deliverSec prometheus.Histogram
	deleted    *prometheus.CounterVec // what
	messages   *prometheus.CounterVec // bus, result
	commits    prometheus.Counter
	commitSec  prometheus.Histogram
	commitRows prometheus.Histogram
}

// Gauges are what is so at one moment.
type Gauges struct {
	Backlog   float64 // deliveries that wait in the store
	Behind    float64 // deliveries that wait for endpoints that are well
	InFlight  float64 // attempts being made
	Lanes     float64 // endpoints with work
	LanesOpen float64 // of them, those whose circuit breaker is not closed
	LaneBytes float64 // of the deliveries held in memory
}

// delivered is how webhook.Delivered is spelled: the status of deliveries whose time
// is taken.
const delivered = "delivered"

// shortTimes are buckets from 1 ms to a minute, in seconds.
func shortTimes() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// longTimes go on to five days, because a delivery may be retried that long.
func longTimes() []float64 {
	return append(shortTimes(), 300, 1800, 2*3600, 6*3600, 12*3600, 86400, 2*86400, 3*86400, 5*86400)
}

// NewMetrics returns metrics that have counted nothing. Labels are known before:
// services are the names of all ways to deliver.
func NewMetrics(services []string) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "switchhook_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchhook_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "switchhook_" + name, Help: help, Buckets: buckets}
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		accepted:   counter("events_accepted_total", "Events made durable."),
		planned:    counter("deliveries_planned_total", "Deliveries made durable with their events."),
		refused:    counters("submissions_refused_total", "Submissions refused for want of room or of a database.", "reason"),
		attempts:   counters("attempts_total", "Attempts to deliver.", "service", "result"),
		finished:   counters("deliveries_finished_total", "Deliveries that came to an end.", "status"),
		deleted:    counters("deleted_total", "What was deleted because it was kept long enough.", "what"),
		messages:   counters("bus_messages_total", "Messages of a bus.", "bus", "result"),
		commits:    counter("commits_total", "Transactions of events and results."),
		attemptSec: prometheus.NewHistogramVec(histogram("attempt_seconds", "Duration of attempts.", shortTimes()), []string{"service"}),
		deliverSec: prometheus.NewHistogram(histogram("accept_to_delivered_seconds", "From accepting an event to its delivery.", longTimes())),
		commitSec:  prometheus.NewHistogram(histogram("commit_seconds", "Duration of transactions.", shortTimes())),
		commitRows: prometheus.NewHistogram(histogram("commit_rows", "Events, deliveries and results in a transaction.", prometheus.ExponentialBuckets(1, 4, 8))),
	}
	for _, s := range services {
		m.attemptSec.WithLabelValues(s)
	}
	m.registry.MustRegister(
		m.accepted, m.planned, m.refused, m.attempts, m.finished, m.deleted, m.messages, m.commits, m.attemptSec, m.deliverSec, m.commitSec, m.commitRows,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "switchhook_build_info", Help: "The version that runs.", ConstLabels: prometheus.Labels{"version": Version()},
		}, func() float64 { return 1 }),
	)
	return m
}

// Watch shows gauges, which read returns whenever metrics are asked for. Call it
// once.
func (m *Metrics) Watch(read func() Gauges) {
	w := &watcher{read: read}
	for _, g := range []struct {
		name, help string
		of         func(Gauges) float64
	}{
		{"backlog_deliveries", "Deliveries that wait in the store.", func(g Gauges) float64 { return g.Backlog }},
		{"behind_deliveries", "Deliveries that wait for endpoints that are well.", func(g Gauges) float64 { return g.Behind }},
		{"attempts_in_flight", "Attempts being made.", func(g Gauges) float64 { return g.InFlight }},
		{"lanes", "Endpoints with work.", func(g Gauges) float64 { return g.Lanes }},
		{"lanes_open", "Endpoints left alone for a while, because their circuit breaker is open.", func(g Gauges) float64 { return g.LanesOpen }},
		{"lane_bytes", "Size of the deliveries held in memory.", func(g Gauges) float64 { return g.LaneBytes }},
	} {
		w.gauges = append(w.gauges, gauge{prometheus.NewDesc("switchhook_"+g.name, g.help, nil, nil), g.of})
	}
	m.registry.MustRegister(w)
}

type gauge struct {
	desc *prometheus.Desc
	of   func(Gauges) float64
}

// watcher reads all gauges at once.
type watcher struct {
	read   func() Gauges
	gauges []gauge
}

// Describe names the gauges.
func (w *watcher) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range w.gauges {
		ch <- g.desc
	}
}

// Collect reads them.
func (w *watcher) Collect(ch chan<- prometheus.Metric) {
	now := w.read()
	for _, g := range w.gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.of(now))
	}
}

// Committed counts one transaction.
func (m *Metrics) Committed(events, deliveries, results int, took time.Duration) {
	m.commits.Inc()
	m.accepted.Add(float64(events))
	m.planned.Add(float64(deliveries))
	m.commitSec.Observe(took.Seconds())
	m.commitRows.Observe(float64(events + deliveries + results))
}

// Refused counts a submission that was not accepted; reason is a webhook code.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Attempted counts one attempt.
func (m *Metrics) Attempted(service, result string, took time.Duration) {
	m.attempts.WithLabelValues(service, result).Inc()
	m.attemptSec.WithLabelValues(service).Observe(took.Seconds())
}

// Finished counts a delivery that came to an end; status is a webhook status, and
// took is the time since its event was accepted.
func (m *Metrics) Finished(status string, took time.Duration) {
	m.finished.WithLabelValues(status).Inc()
	if status == delivered {
		m.deliverSec.Observe(took.Seconds())
	}
}

// Deleted counts what was kept long enough; what is a kind of the janitor's.
func (m *Metrics) Deleted(what string, count int) {
	m.deleted.WithLabelValues(what).Add(float64(count))
}

// Messages counts messages of a bus; result says what became of them.
func (m *Metrics) Messages(bus, result string, count int) {
	m.messages.WithLabelValues(bus, result).Add(float64(count))
}

// Handler serves the metrics in the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
