package dispatch_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/dispatch"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestWhatIsAcceptedIsDeliveredOnce(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(nil)
		r.endpoint(nil)
		events := r.send(0, 50)
		time.Sleep(time.Second)
		r.all(events, webhook.Delivered)
		seen := map[string]int{}
		for _, c := range r.service.seen() {
			seen[c.endpoint.String()+c.payload]++
		}
		if len(seen) != 100 || len(r.service.seen()) != 100 {
			t.Errorf("%d different deliveries in %d attempts", len(seen), len(r.service.seen()))
		}
	})
}

func TestAFailureIsTriedAgainByThePlan(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(nil)
		var n atomic.Int32
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome {
			if n.Add(1) < 3 {
				return broken
			}
			return delivered
		})
		begin := time.Now()
		events := r.send(0, 1)
		time.Sleep(10 * time.Minute)
		calls := r.service.seen()
		if len(calls) != 3 {
			t.Fatalf("%d attempts", len(calls))
		}
		for i, want := range []time.Duration{0, time.Second, time.Minute + time.Second} {
			if got := calls[i].at.Sub(begin); got < want || got > want+200*time.Millisecond {
				t.Errorf("attempt %d after %v, want %v", i+1, got, want)
			}
			if calls[i].number != int32(i+1) {
				t.Errorf("attempt %d says it is number %d", i+1, calls[i].number)
			}
		}
		r.all(events, webhook.Delivered)
		got, err := r.store.Attempts(r.t.Context(), store.AttemptQuery{AccountID: r.account.ID, EventID: events[0]})
		r.must(err)
		if len(got.Items) != 3 {
			t.Errorf("%d attempts on record", len(got.Items))
		}
	})
}

func TestADeliveryFailsAtTheEndOfItsPlan(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(nil)
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		events := r.send(0, 2)
		time.Sleep(time.Hour)
		r.all(events, webhook.Failed)
		if n := len(r.service.seen()); n != 6 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestAHangingEndpointDelaysNobodyElse(t *testing.T) {
	engine(t, dispatch.Options{Timeout: 15 * time.Second}, func(r *rig) {
		hanging := r.endpoint(nil)
		r.endpoint(nil)
		r.service.play(func(ctx context.Context, job *deliver.Job) webhook.Outcome {
			if job.Endpoint.ID != hanging.ID {
				return delivered
			}
			select {
			case <-time.After(job.Timeout):
			case <-ctx.Done():
			}
			return webhook.Outcome{Result: webhook.ResultRetry, Timeout: true, Detail: "timeout"}
		})
		begin := time.Now()
		r.send(0, 1000)
		time.Sleep(time.Second)
		healthy := 0
		for _, c := range r.service.seen() {
			if c.endpoint != hanging.ID {
				healthy++
			}
		}
		if healthy != 1000 {
			t.Errorf("%d of 1000 after %v", healthy, time.Since(begin))
		}
	})
}

func TestMoreThanAWindowWaitsInTheStoreAndComesBack(t *testing.T) {
	engine(t, dispatch.Options{Window: 8, MaxInFlight: 4}, func(r *rig) {
		r.endpoint(nil)
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome {
			time.Sleep(10 * time.Millisecond)
			return delivered
		})
		events := r.send(0, 300)
		time.Sleep(time.Minute)
		r.all(events, webhook.Delivered)
		if n := len(r.service.seen()); n != 300 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestSlowEndpointsLeaveHalfOfTheMemoryToPromptOnes(t *testing.T) {
	const memory, slowOnes = 64 << 10, 4
	engine(t, dispatch.Options{Window: 100, MaxInFlight: 4, Memory: memory}, func(r *rig) {
		for range slowOnes {
			r.endpoint(nil)
		}
		r.service.play(slow(3 * time.Second))
		events := r.send(0, 400)
		for range 60 {
			time.Sleep(time.Second)
			// Each may have one delivery, however little memory there is.
			if got := r.lanes.Stats().Memory; got > memory/2+slowOnes*600 {
				t.Errorf("slow endpoints hold %d bytes of %d", got, memory)
			}
		}
		time.Sleep(time.Hour)
		r.all(events, webhook.Delivered)
		if n := len(r.service.seen()); n != len(events)*slowOnes {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestLargePayloadsComeBackAsFastAsTheyAreTaken(t *testing.T) {
	engine(t, dispatch.Options{Memory: 1 << 20}, func(r *rig) {
		r.endpoint(nil)
		r.service.play(slow(500 * time.Millisecond))
		payload := fmt.Appendf(nil, "%q", strings.Repeat("x", 100<<10))
		for range 100 {
			r.accept(payload)
		}
		r.service.play(nil)
		time.Sleep(time.Second)
		if n := len(r.service.seen()); n != 100 {
			t.Errorf("%d of 100 after a second", n)
		}
	})
}

func TestOrderedDeliveriesNeverOvertake(t *testing.T) {
	engine(t, dispatch.Options{Window: 8}, func(r *rig) {
		r.endpoint(func(e *webhook.Endpoint) { e.Ordering = webhook.OrderingFIFO })
		var inFlight atomic.Int32
		r.service.play(func(_ context.Context, job *deliver.Job) webhook.Outcome {
			if inFlight.Add(1) > 1 {
				t.Error("two at a time")
			}
			time.Sleep(5 * time.Millisecond)
			inFlight.Add(-1)
			if n, _ := strconv.Atoi(string(job.Event.Payload)); n%5 == 0 && job.Number < 3 {
				return broken
			}
			return delivered
		})
		events := r.send(0, 40)
		time.Sleep(time.Hour)
		r.all(events, webhook.Delivered)
		last := -1
		for _, c := range r.service.seen() {
			n, _ := strconv.Atoi(c.payload)
			if n != last && n != last+1 {
				t.Fatalf("%d after %d", n, last)
			}
			last = n
		}
	})
}

func TestAnOrderedEndpointGoesOnAfterOneIsGivenUp(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(func(e *webhook.Endpoint) { e.Ordering = webhook.OrderingFIFO })
		r.service.play(func(_ context.Context, job *deliver.Job) webhook.Outcome {
			if string(job.Event.Payload) == "0" {
				return broken
			}
			return delivered
		})
		events := r.send(0, 3)
		time.Sleep(time.Hour)
		got := r.statuses(events)
		if got[0] != webhook.Failed || got[1] != webhook.Delivered || got[2] != webhook.Delivered {
			t.Errorf("%v", got)
		}
	})
}

func TestARateLimitSpreadsDeliveries(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(func(e *webhook.Endpoint) { e.RateLimit = 10 })
		begin := time.Now()
		r.send(0, 50)
		time.Sleep(time.Minute)
		calls := r.service.seen()
		if took := calls[len(calls)-1].at.Sub(begin); len(calls) != 50 || took < 3900*time.Millisecond || took > 5*time.Second {
			t.Errorf("%d attempts in %v", len(calls), took)
		}
	})
}

func TestADeadEndpointIsProbedInsteadOfHammered(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(func(e *webhook.Endpoint) { e.Retry = webhook.RetryPolicy{Schedule: []time.Duration{time.Hour}} })
		var alive atomic.Bool
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome {
			if alive.Load() {
				return delivered
			}
			return refused
		})
		events := r.send(0, 500)
		time.Sleep(30 * time.Second)
		if n := len(r.service.seen()); n > 100 {
			t.Errorf("%d attempts at a dead endpoint in 30 s", n)
		}
		alive.Store(true)
		time.Sleep(3 * time.Hour)
		r.all(events, webhook.Delivered)
	})
}

func TestADeletedEndpointGetsNothingMore(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		e := r.endpoint(nil)
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		events := r.send(0, 5)
		time.Sleep(500 * time.Millisecond)
		r.must(r.store.DeleteEndpoint(r.t.Context(), e.ID, time.Now()))
		r.must(r.dir.Refresh(r.t.Context()))
		time.Sleep(time.Hour)
		if n := len(r.service.seen()); n != 5 {
			t.Errorf("%d attempts", n)
		}
		r.all(events, webhook.Cancelled)
	})
}

func TestADisabledEndpointKeepsItsBacklogUntilItIsEnabled(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		e := r.endpoint(nil)
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		events := r.send(0, 3)
		time.Sleep(500 * time.Millisecond)
		r.change(e, func(x *store.EndpointEdit) { x.Endpoint.Enabled = false })
		time.Sleep(24 * time.Hour)
		if n := len(r.service.seen()); n != 3 {
			t.Errorf("%d attempts while disabled", n)
		}
		r.service.play(nil)
		r.change(e, func(x *store.EndpointEdit) { x.Endpoint.Enabled = true })
		time.Sleep(time.Minute)
		r.all(events, webhook.Delivered)
	})
}

func TestAFarewellDisablesTheEndpointAndTellsTheOwner(t *testing.T) {
	var told atomic.Int32
	o := dispatch.Options{Notice: func(_ context.Context, _ *webhook.Endpoint, _ webhook.Health, reason string) (*store.Intake, func(error)) {
		if reason == webhook.DisabledByGone {
			told.Add(1)
		}
		return nil, func(error) {}
	}}
	engine(t, o, func(r *rig) {
		e := r.endpoint(func(e *webhook.Endpoint) { e.Health.DisableOnGone = true })
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome {
			return webhook.Outcome{Result: webhook.ResultGone, StatusCode: 410}
		})
		events := r.send(0, 1)
		time.Sleep(time.Second)
		got, _, err := r.store.Endpoint(r.t.Context(), e.ID)
		r.must(err)
		if got.Enabled || got.DisabledReason != webhook.DisabledByGone || told.Load() != 1 {
			t.Errorf("enabled %v, reason %q, told %d times", got.Enabled, got.DisabledReason, told.Load())
		}
		r.all(events, webhook.Failed)
		if n := len(r.dir.Match(&webhook.Event{AccountID: r.account.ID, Type: "a"}, nil, nil)); n != 0 {
			t.Error("still matched")
		}
	})
}

func TestHealthSurvivesARestart(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		e := r.endpoint(func(e *webhook.Endpoint) {
			e.Retry = webhook.RetryPolicy{}
			e.Health = webhook.HealthPolicy{MaxFailuresInRow: 3}
		})
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		r.send(0, 2)
		time.Sleep(time.Second)
		r.end()
		r.start(dispatch.Options{})
		r.send(2, 2)
		time.Sleep(time.Second)
		got, h, err := r.store.Endpoint(r.t.Context(), e.ID)
		r.must(err)
		if got.Enabled || h.FailuresInRow != 4 {
			t.Errorf("enabled %v after %d failures", got.Enabled, h.FailuresInRow)
		}
	})
}

func TestTheEndGivesBackWhatWasNotStarted(t *testing.T) {
	engine(t, dispatch.Options{MaxInFlight: 2, Drain: time.Second}, func(r *rig) {
		r.endpoint(nil)
		r.service.play(func(ctx context.Context, _ *deliver.Job) webhook.Outcome {
			select {
			case <-time.After(10 * time.Second):
				return delivered
			case <-ctx.Done():
				return webhook.Outcome{Result: webhook.ResultRetry, Detail: "cancelled"}
			}
		})
		events := r.send(0, 20)
		synctest.Wait()
		r.end()
		r.service.play(nil)
		r.start(dispatch.Options{})
		time.Sleep(time.Second)
		r.all(events, webhook.Delivered)
	})
}

func TestAManualDeliveryIsTriedOnce(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		e := r.endpoint(nil)
		events := r.send(0, 1)
		time.Sleep(time.Second)
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome { return broken })
		ds, err := r.store.Deliveries(r.t.Context(), events[0])
		r.must(err)
		again := ds[0]
		again.Status, again.Trigger, again.Attempts, again.DueAt, again.Node = webhook.Pending, webhook.Manual, 0, time.Now(), 0
		r.must(r.store.Redeliver(r.t.Context(), []*webhook.Delivery{&again}, nil))
		r.lanes.Kick(e.ID)
		time.Sleep(time.Hour)
		if n := len(r.service.seen()); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestEventsForLaterAreDeliveredThen(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(nil)
		begin := time.Now()
		_, err := r.ingest.Accept(r.t.Context(), later(r.account, begin.Add(time.Hour)))
		r.must(err)
		time.Sleep(2 * time.Hour)
		calls := r.service.seen()
		if len(calls) != 1 || calls[0].at.Sub(begin) < time.Hour || calls[0].at.Sub(begin) > time.Hour+time.Second {
			t.Errorf("%+v", calls)
		}
	})
}

func TestAServiceThatPanicsFailsOnlyItsAttempt(t *testing.T) {
	engine(t, dispatch.Options{}, func(r *rig) {
		r.endpoint(nil)
		var n atomic.Int32
		r.service.play(func(context.Context, *deliver.Job) webhook.Outcome {
			if n.Add(1) == 1 {
				panic("oh")
			}
			return delivered
		})
		events := r.send(0, 1)
		time.Sleep(time.Minute)
		r.all(events, webhook.Delivered)
	})
}

func TestIntakeWaitsWhileHealthyEndpointsAreBehind(t *testing.T) {
	engine(t, dispatch.Options{Pending: 50, Patience: time.Second}, func(r *rig) {
		e := r.endpoint(func(e *webhook.Endpoint) { e.MaxInFlight = 1 })
		r.service.play(slow(20 * time.Millisecond))
		r.send(0, 1)
		time.Sleep(100 * time.Millisecond)
		for i := range 200 {
			r.send(i, 1)
			if s, ok := r.lanes.Lane(e.ID); !ok || s.Held > 50 {
				t.Fatalf("far behind: %+v", s)
			}
		}
	})
}

func TestWhatOvershootsTheBoundOfIntakeIsHeldToo(t *testing.T) {
	engine(t, dispatch.Options{Pending: 20, Window: 1}, func(r *rig) {
		const n = 35 // more than the window of a lane that moves
		e := r.endpoint(func(e *webhook.Endpoint) { e.MaxInFlight = 1 })
		r.service.play(slow(100 * time.Millisecond))
		r.send(0, 1)
		time.Sleep(200 * time.Millisecond)
		batch := one(r.account, 0)
		for i := 1; i < n; i++ {
			batch.Events = append(batch.Events, one(r.account, i).Events...)
		}
		_, err := r.ingest.Accept(r.t.Context(), batch)
		r.must(err)
		if s, _ := r.lanes.Lane(e.ID); s.Held+s.InFlight != n {
			t.Errorf("%+v of %d", s, n)
		}
	})
}

func TestIntakeIsRefusedWhenWaitingDoesNotHelp(t *testing.T) {
	engine(t, dispatch.Options{Pending: 5, Patience: 10 * time.Millisecond}, func(r *rig) {
		r.endpoint(func(e *webhook.Endpoint) { e.MaxInFlight = 1 })
		r.service.play(slow(500 * time.Millisecond))
		r.send(0, 1)
		time.Sleep(time.Second)
		r.send(1, 6)
		_, err := r.ingest.Accept(r.t.Context(), one(r.account, 7))
		if webhook.CodeOf(err) != webhook.CodeBusy {
			t.Errorf("%v", err)
		}
	})
}

func slow(d time.Duration) func(context.Context, *deliver.Job) webhook.Outcome {
	return func(context.Context, *deliver.Job) webhook.Outcome {
		time.Sleep(d)
		return delivered
	}
}
