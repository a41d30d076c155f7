package server

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/switchhook/switchhook/internal/config"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/janitor"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/retry"
	"github.com/switchhook/switchhook/internal/telemetry"
	"github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

// makeEngine makes what moves events: each part gets the ones below it.
func (s *Server) makeEngine(context.Context) (err error) {
	s.metrics = s.makeMetrics()
	l := s.config.Limits

	do := directory.Options{Store: s.store, Logger: s.log}
	if s.cluster != nil {
		do.PollEvery = s.config.Cluster.Poll
	}
	if s.directory, err = directory.New(do); err != nil {
		return err
	}
	if s.journal, err = journal.New(journal.Options{
		Store: s.store, Logger: s.log, MaxQueue: l.Queue, MaxBytes: int(l.QueueBytes),
		Committed: func(c journal.CommitStats) { s.metrics.Committed(c.Events, c.Deliveries, c.Results, c.Took) },
	}); err != nil {
		return err
	}
	predecessor, err := s.openNodeFile()
	if err != nil {
		return err
	}
	if s.dispatcher, err = dispatch.New(dispatch.Options{
		Store: s.store, Journal: s.journal, Directory: s.directory, Services: s.services, Notice: s.notice, Logger: s.log,
		Metrics: dispatch.Metrics{
			Attempt: func(service string, r webhook.Result, took time.Duration) {
				s.metrics.Attempted(service, r.String(), took)
			},
			Finished: func(st webhook.Status, took time.Duration) { s.metrics.Finished(st.String(), took) },
		},
		NodeName: s.nodeName(), About: s.about(), Cluster: s.cluster, Lease: s.config.Cluster.Lease,
		Predecessor: predecessor, Joined: s.joined,
		Window: l.Lane, Memory: int(l.LaneBytes), Attempts: l.InFlight, MaxInFlight: l.Endpoint, Pending: l.Pending,
		Timeout: s.config.Delivery.Timeout, Drain: l.Drain,
	}); err != nil {
		return err
	}
	if s.ingest, err = ingest.New(ingest.Options{
		Directory: s.directory, Journal: s.journal, Outlet: s.dispatcher, History: s.store, Logger: s.log,
		Limits:      ingest.Limits{PayloadBytes: int(l.Payload), BatchEvents: l.BatchEvents},
		PayloadKept: payloadKept(s.config.Retention),
		Refused:     func(c webhook.Code) { s.metrics.Refused(string(c)) },
	}); err != nil {
		return err
	}
	if s.janitor, err = janitor.New(janitor.Options{
		Store: s.store, Logger: s.log, HistoryKept: orForever(s.config.Retention.Attempts),
		Metrics: janitor.Metrics{Deleted: func(w janitor.What, n int) { s.metrics.Deleted(string(w), n) }},
	}); err != nil {
		return err
	}
	policy := retry.Native()
	policy.Schedule = s.config.Delivery.RetrySchedule
	s.control, err = control.New(control.Options{
		Store: s.store, Directory: s.directory, Services: s.services, Kick: s.dispatcher.Kick, Logger: s.log,
		Limits: control.Limits{Timeout: time.Minute, ConfigBytes: 1 << 20, AnnotationSize: 1 << 20},
		// A subscription of Wazo may be for a service that is installed later.
		MayLack: func(e *webhook.Endpoint) bool { return e.Annotations[wazo.Annotation] != nil },
		Retry:   &policy, Asymmetric: s.config.Delivery.Asymmetric,
		PayloadKept: payloadKept(s.config.Retention),
	})
	return err
}

// payloadKept is how long payloads are kept that end before their events.
func payloadKept(r config.Retention) time.Duration {
	if r.Attempts > 0 && r.Payload >= r.Attempts {
		return 0
	}
	return r.Payload
}

// orForever makes the janitor's word for a retention of 0, which is for ever.
func orForever(kept time.Duration) time.Duration {
	if kept == 0 {
		return -1
	}
	return kept
}

func (s *Server) nodeName() string {
	if s.config.Cluster.Node != "" {
		return s.config.Cluster.Node
	}
	name, _ := os.Hostname()
	return name
}

// backlogEvery is how often the backlog is counted at most, which reads an index
// as long as the backlog.
const backlogEvery = 5 * time.Second

func (s *Server) makeMetrics() *telemetry.Metrics {
	var names []string
	for name := range s.services {
		names = append(names, name)
	}
	m := telemetry.NewMetrics(names)
	var mu sync.Mutex
	var counted time.Time
	var backlog int64
	m.Watch(func() telemetry.Gauges {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(counted) > backlogEvery {
			ctx, cancel := context.WithTimeout(context.Background(), pingLimit)
			defer cancel()
			n, err := s.store.PendingCount(ctx)
			if err != nil {
				s.log.Warn("backlog cannot be counted", "error", err)
			} else {
				backlog = n
			}
			counted = time.Now()
		}
		d := s.dispatcher.Stats()
		return telemetry.Gauges{
			Backlog: float64(backlog), Behind: float64(d.Behind), InFlight: float64(d.InFlight),
			Lanes: float64(d.Lanes), LanesOpen: float64(d.Open), LaneBytes: float64(d.Memory),
		}
	})
	return m
}
