package ingest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/directory"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/ingest"
	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// codes shows verdicts as their codes, "" for what was accepted.
func codes(verdicts []error) []webhook.Code {
	var all []webhook.Code
	for _, err := range verdicts {
		if err == nil {
			all = append(all, "")
		} else {
			all = append(all, webhook.CodeOf(err))
		}
	}
	return all
}

// each makes submissions of different accounts with one event of the payload each.
func each(payloads ...string) []ingest.Submission {
	var all []ingest.Submission
	for i, p := range payloads {
		s := submit(event(p))
		s.Account = &webhook.Account{ID: id.ID{byte(i + 1)}}
		all = append(all, s)
	}
	return all
}

// accepting keeps the payloads that a world has made durable, in order.
func accepting(w *world, kept *[]string, fail func(payload string) error) {
	w.commit = func(in *store.Intake) error {
		payload := string(in.Accepted[0].Event.Payload)
		if err := fail(payload); err != nil {
			return err
		}
		*kept = append(*kept, payload)
		return nil
	}
}

func taken(string) error { return nil }

func TestManySubmissionsShareACommitInTheirOrder(t *testing.T) {
	w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}}
	var kept []string
	accepting(w, &kept, taken)
	verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2", "3"))
	if diff := cmp.Diff([]webhook.Code{"", "", ""}, codes(verdicts)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, kept); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{3}, w.commits); diff != "" {
		t.Error(diff)
	}
	if len(w.handed) != 3 || w.reserved != 0 {
		t.Errorf("%d handed, %d reservations left", len(w.handed), w.reserved)
	}
}

func TestTooMuchForOneCommitIsWrittenInSeveral(t *testing.T) {
	w := &world{targets: slices.Repeat([]directory.Target{{EndpointID: id.ID{1}}}, 999)}
	var kept []string
	accepting(w, &kept, taken)
	w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2", "3"))
	if diff := cmp.Diff([]int{2, 1}, w.commits); diff != "" {
		t.Error(diff)
	}
}

func TestASubmissionThatIsWrongHoldsUpNoOther(t *testing.T) {
	w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}}
	var kept []string
	accepting(w, &kept, taken)
	verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "{", "3"))
	if diff := cmp.Diff([]webhook.Code{"", webhook.CodeInvalid, ""}, codes(verdicts)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1", "3"}, kept); diff != "" {
		t.Error(diff)
	}
}

func TestAConflictIsTheVerdictOnItsSubmissionAlone(t *testing.T) {
	w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}}
	w.commit = func(in *store.Intake) error {
		if string(in.Accepted[0].Event.Payload) == "2" {
			in.Err = webhook.Errorf(webhook.CodeConflict, "uid", "taken")
		}
		return nil
	}
	verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2", "3"))
	if diff := cmp.Diff([]webhook.Code{"", webhook.CodeConflict, ""}, codes(verdicts)); diff != "" {
		t.Error(diff)
	}
	if len(w.handed) != 2 || w.reserved != 0 {
		t.Errorf("%d handed, %d reservations left", len(w.handed), w.reserved)
	}
}

func TestWhatCannotBeWrittenIsFoundAndTheRestIsWritten(t *testing.T) {
	w := &world{targets: []directory.Target{{EndpointID: id.ID{1}}}}
	// Like the journal: a commit is written whole or not at all.
	var kept []string
	w.commit = func(in *store.Intake) error {
		if last := w.commits[len(w.commits)-1]; last > 1 || string(in.Accepted[0].Event.Payload) == "2" {
			return errors.New("the database cannot store this")
		}
		kept = append(kept, string(in.Accepted[0].Event.Payload))
		return nil
	}
	verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2", "3"))
	if verdicts[0] != nil || verdicts[1] == nil || verdicts[2] != nil {
		t.Errorf("got %v", verdicts)
	}
	if diff := cmp.Diff([]string{"1", "3"}, kept); diff != "" {
		t.Error(diff)
	}
	if w.reserved != 0 {
		t.Errorf("%d reservations left", w.reserved)
	}
}

func TestNothingOvertakesWhatIsNotTakenForNow(t *testing.T) {
	unavailable := webhook.Errorf(webhook.CodeUnavailable, "", "gone")
	t.Run("no room", func(t *testing.T) {
		w := &world{noRoom: true}
		verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2"))
		if diff := cmp.Diff([]webhook.Code{webhook.CodeBusy, webhook.CodeBusy}, codes(verdicts)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("rate limit", func(t *testing.T) {
		w := &world{}
		all := each("1", "2", "3")
		all[0].Account.RateLimit = 1
		all[1].Account = all[0].Account
		verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), all)
		if diff := cmp.Diff([]webhook.Code{"", webhook.CodeBusy, webhook.CodeBusy}, codes(verdicts)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("database gone", func(t *testing.T) {
		w := &world{targets: slices.Repeat([]directory.Target{{EndpointID: id.ID{1}}}, 999)}
		w.commit = func(*store.Intake) error { return unavailable }
		verdicts := w.ingest(t, ingest.Limits{}).AcceptEach(t.Context(), each("1", "2", "3"))
		want := []webhook.Code{webhook.CodeUnavailable, webhook.CodeUnavailable, webhook.CodeUnavailable}
		if diff := cmp.Diff(want, codes(verdicts)); diff != "" {
			t.Error(diff)
		}
		if len(w.commits) != 1 || w.reserved != 0 {
			t.Errorf("%d commits tried, %d reservations left", len(w.commits), w.reserved)
		}
	})
}
