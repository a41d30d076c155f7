package ingest

import (
	"context"

	"github.com/switchhook/switchhook/internal/store"
	"github.com/switchhook/switchhook/internal/webhook"
)

// How much AcceptEach writes in one transaction, unless one submission has more.
const (
	eachRows  = 2000 // events and deliveries
	eachBytes = 8 << 20
)

// AcceptEach is Accept for many submissions of any accounts, as a bus brings them: they
// are accepted in their order, share commits, and get a verdict each. From the first
// one on that is not taken for now (CodeBusy, CodeUnavailable) none is, so that who
// brings them again keeps the order. A submission that is wrong holds up no other.
func (g *Ingest) AcceptEach(ctx context.Context, all []Submission) []error {
	t := turn{g: g, all: all, verdicts: make([]error, len(all))}
	for i := range all {
		if t.stopped != nil {
			t.verdicts[i] = t.stopped
			continue
		}
		in, err := g.ready(ctx, &all[i])
		if err != nil {
			t.refused(i, err)
			continue
		}
		t.add(i, in)
	}
	t.flush()
	return t.verdicts
}

// turn is one call of AcceptEach.
type turn struct {
	g        *Ingest
	all      []Submission
	verdicts []error
	stopped  error // why nothing more is taken

	pending []*store.Intake // planned and not written
	places  []int           // of each, among the submissions
	rows    int
	bytes   int
}

func (t *turn) add(place int, in *store.Intake) {
	t.pending, t.places = append(t.pending, in), append(t.places, place)
	for i := range in.Accepted {
		t.rows += 1 + len(in.Accepted[i].Deliveries)
		t.bytes += len(in.Accepted[i].Event.Payload)
	}
	if t.rows >= eachRows || t.bytes >= eachBytes {
		t.flush()
	}
}

// refused keeps the verdict on a submission that was not taken.
func (t *turn) refused(place int, err error) {
	t.verdicts[place] = err
	if c := webhook.CodeOf(err); t.stopped == nil && (c == webhook.CodeBusy || c == webhook.CodeUnavailable) {
		t.stopped = err
	}
}

// flush writes what is pending. When the database can write but not this, each is written
// alone, so that only the culprit fails.
func (t *turn) flush() {
	pending, places := t.pending, t.places
	t.pending, t.places, t.rows, t.bytes = nil, nil, 0, 0
	if len(pending) == 0 {
		return
	}
	err := t.write(pending, places)
	if err == nil {
		return
	}
	t.refused(places[0], err)
	for n := range pending {
		if t.stopped == nil && len(pending) > 1 {
			err = t.write(pending[n:n+1], places[n:n+1])
		}
		if err != nil {
			t.g.refuse(err, pending[n])
			t.refused(places[n], err)
		}
	}
}

// write writes submissions in one transaction. The error says that none was.
func (t *turn) write(ins []*store.Intake, places []int) error {
	if err := t.g.o.Journal.Accept(ins...); err != nil {
		return err
	}
	for n, in := range ins {
		t.verdicts[places[n]] = t.g.conclude(&t.all[places[n]], in)
	}
	return nil
}
