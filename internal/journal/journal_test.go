package journal_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/journal"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a store.Queue whose commits do what the test says.
type scripted struct {
	store.Queue
	mu      sync.Mutex
	commits []store.Batch
	at      []time.Time
	commit  func(n int, b *store.Batch) error
}

func (s *scripted) Commit(_ context.Context, b *store.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.commit != nil {
		if err := s.commit(len(s.at), b); err != nil {
			s.at = append(s.at, time.Now())
			return err
		}
	}
	s.at = append(s.at, time.Now())
	s.commits = append(s.commits, *b)
	return nil
}

// written returns the batches that were committed, and when the calls ended.
func (s *scripted) written() ([]store.Batch, []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commits), slices.Clone(s.at)
}

// within runs the test in a bubble with a running journal.
func within(t *testing.T, o journal.Options, s *scripted, test func(j *journal.Journal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Store = s
		j, err := journal.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- j.Run(ctx) }()
		test(j)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func event(payload string, deliveries int) *store.Intake {
	return &store.Intake{Accepted: []store.Accepted{{
		Event:      webhook.Event{Type: "a", Payload: []byte(payload)},
		Deliveries: make([]webhook.Delivery, deliveries),
	}}}
}

func result() store.Result {
	return store.Result{Delivery: webhook.Delivery{Status: webhook.Delivered}}
}

func TestAcceptAnswersAtOnceWhenAlone(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		time.Sleep(time.Second)
		begin := time.Now()
		in := event(`{}`, 2)
		if err := j.Accept(in); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v", took)
		}
		a := in.Accepted[0]
		if a.Event.ID.IsZero() || a.Deliveries[1].Event != a.Event.ID || a.Deliveries[1].N != 1 {
			t.Errorf("ids are not stamped: %+v", a)
		}
	})
}

func TestConcurrentAcceptsShareCommits(t *testing.T) {
	s := &scripted{commit: func(int, *store.Batch) error { time.Sleep(3 * time.Millisecond); return nil }}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := j.Accept(event(`{}`, 1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if commits, _ := s.written(); len(commits) > 3 {
			t.Errorf("100 events took %d commits", len(commits))
		}
	})
}

func TestWhatIsAcceptedTogetherIsWrittenTogetherInItsOrder(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{MaxRows: 2}, s, func(j *journal.Journal) {
		all := []*store.Intake{event(`1`, 1), event(`2`, 1), event(`3`, 0)}
		if err := j.Accept(all...); err != nil {
			t.Fatal(err)
		}
		if commits, _ := s.written(); len(commits) != 1 || len(commits[0].Intake) != 3 {
			t.Errorf("written as %+v", commits)
		}
		for i := 1; i < len(all); i++ {
			if all[i-1].Accepted[0].Event.ID.Compare(all[i].Accepted[0].Event.ID) >= 0 {
				t.Errorf("event %d does not come after the one before", i)
			}
		}
	})
}

func TestIDsAreInTheOrderOfTheQueue(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		for range 50 {
			e := &journal.Entry{Intake: []*store.Intake{event(`{}`, 0)}}
			if err := j.Submit(e); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		var last id.ID
		commits, _ := s.written()
		for _, b := range commits {
			for _, in := range b.Intake {
				if in.Accepted[0].Event.ID.Compare(last) <= 0 {
					t.Fatal("not increasing")
				}
				last = in.Accepted[0].Event.ID
			}
		}
	})
}

func TestResultsWaitForCompanyButNotLong(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{ResultsWait: 5 * time.Millisecond}, s, func(j *journal.Journal) {
		begin := time.Now()
		for range 3 {
			if err := j.Submit(&journal.Entry{Results: []store.Result{result()}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		commits, at := s.written()
		if len(commits) != 1 || len(commits[0].Results) != 3 {
			t.Fatalf("commits: %+v", commits)
		}
		if took := at[0].Sub(begin); took != 5*time.Millisecond {
			t.Errorf("written after %v", took)
		}
	})
}

func TestUrgentResultsDoNotWait(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{ResultsWait: time.Minute}, s, func(j *journal.Journal) {
		time.Sleep(time.Second)
		done := make(chan error, 1)
		begin := time.Now()
		_ = j.Submit(&journal.Entry{Results: []store.Result{result()}, Urgent: true, Done: func(err error) { done <- err }})
		if err := <-done; err != nil || time.Since(begin) > 2*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestIntakeIsRefusedAndResultsAreKeptWhileTheStoreFails(t *testing.T) {
	away := webhook.Errorf(webhook.CodeUnavailable, "", "no database")
	s := &scripted{commit: func(n int, _ *store.Batch) error {
		if n < 4 {
			return away
		}
		return nil
	}}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		recorded := make(chan error, 1)
		_ = j.Submit(&journal.Entry{Results: []store.Result{result()}, Done: func(err error) { recorded <- err }})
		if err := j.Accept(event(`{}`, 1)); webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Errorf("Accept: %v", err)
		}
		if err := <-recorded; err != nil {
			t.Errorf("result: %v", err)
		}
		if j.Held() != 0 {
			t.Errorf("%d held after a refusal", j.Held())
		}
	})
}

// unsure is the error of a commit that may have taken place.
type unsure struct{ cause *webhook.Error }

func (u unsure) Error() string { return u.cause.Error() }
func (u unsure) Unwrap() error { return u.cause }
func (unsure) Unsure() bool    { return true }

func TestWhatMayHaveBeenWrittenKeepsTheMarkUntilItIsFound(t *testing.T) {
	s := &scripted{commit: func(n int, _ *store.Batch) error {
		if n == 0 {
			return unsure{webhook.Errorf(webhook.CodeUnavailable, "", "no answer")}
		}
		return nil
	}}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		in := event(`{}`, 2)
		if err := j.Accept(in); webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Fatalf("Accept: %v", err)
		}
		time.Sleep(time.Minute)
		if j.Mark().Compare(in.Accepted[0].Event.ID) > 0 || j.Held() != 2 || !j.Doubtful() || j.Quiet() {
			t.Errorf("mark %v is above %v, or %d held", j.Mark(), in.Accepted[0].Event.ID, j.Held())
		}
		j.ForgetDoubtful()
		if j.Held() != 0 || j.Doubtful() {
			t.Errorf("%d held", j.Held())
		}
	})
}

func TestAPoisonedEntryFailsAlone(t *testing.T) {
	poison := errors.New("constraint failed")
	s := &scripted{commit: func(_ int, b *store.Batch) error {
		for _, in := range b.Intake {
			if string(in.Accepted[0].Event.Payload) == "poison" {
				return poison
			}
		}
		return nil
	}}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		errs := make(chan error, 3)
		for _, p := range []string{"1", "poison", "2"} {
			_ = j.Submit(&journal.Entry{Intake: []*store.Intake{event(p, 0)}, Done: func(err error) { errs <- err }})
		}
		var failed int
		for range 3 {
			if err := <-errs; err != nil {
				failed++
				if !errors.Is(err, poison) {
					t.Error(err)
				}
			}
		}
		if failed != 1 {
			t.Errorf("%d entries failed", failed)
		}
	})
}

func TestAcceptIsRefusedWhenTheQueueIsFull(t *testing.T) {
	release := make(chan struct{})
	s := &scripted{commit: func(int, *store.Batch) error { <-release; return nil }}
	within(t, journal.Options{MaxQueue: 10}, s, func(j *journal.Journal) {
		release = make(chan struct{}) // of this bubble
		var wg sync.WaitGroup
		wg.Go(func() { _ = j.Accept(event(`{}`, 8)) })
		synctest.Wait()
		err := j.Accept(event(`{}`, 8))
		if webhook.CodeOf(err) != webhook.CodeBusy {
			t.Errorf("%v", err)
		}
		var we *webhook.Error
		if errors.As(err, &we); we == nil || we.RetryAfter <= 0 {
			t.Error("no RetryAfter")
		}
		time.Sleep(time.Minute)
		if err := j.Accept(event(`{}`, 8)); webhook.CodeOf(err) != webhook.CodeUnavailable {
			t.Errorf("a commit does not come to an end, and it is the senders' fault: %v", err)
		}
		close(release)
		wg.Wait()
	})
}

func TestMarkIsBelowEverythingHeldFresh(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{}, s, func(j *journal.Journal) {
		in := event(`{}`, 2)
		if err := j.Accept(in); err != nil {
			t.Fatal(err)
		}
		e := in.Accepted[0].Event.ID
		time.Sleep(time.Minute)
		if j.Mark().Compare(e) > 0 || j.Held() != 2 || j.Quiet() {
			t.Errorf("mark %v, held %d", j.Mark(), j.Held())
		}
		done := make(chan error, 1)
		_ = j.Submit(&journal.Entry{Results: []store.Result{result(), result()}, Left: []id.ID{e, e}, Done: func(err error) { done <- err }})
		<-done
		if j.Mark().Compare(e) <= 0 || !j.Quiet() {
			t.Error("mark did not move on")
		}
		later := event(`{}`, 1)
		mark := j.Mark()
		if err := j.Accept(later); err != nil || later.Accepted[0].Event.ID.Compare(mark) <= 0 {
			t.Errorf("an id below the mark: %v", err)
		}
	})
}

func TestWhatIsQueuedIsWrittenAtTheEnd(t *testing.T) {
	s := &scripted{}
	within(t, journal.Options{ResultsWait: time.Hour}, s, func(j *journal.Journal) {
		for range 5 {
			_ = j.Submit(&journal.Entry{Results: []store.Result{result()}})
		}
	})
	if commits, _ := s.written(); len(commits) == 0 || len(commits[0].Results) != 5 {
		t.Errorf("commits: %d", len(commits))
	}
}

func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	s := &scripted{}
	var j *journal.Journal
	within(t, journal.Options{}, s, func(running *journal.Journal) { j = running })
	if err := j.Accept(event(`{}`, 0)); webhook.CodeOf(err) != webhook.CodeUnavailable {
		t.Errorf("%v", err)
	}
}
