package main

import (
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/testkit"
)

// The children of the proofs are this binary again.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

func TestNodesThatDieFreezeOrAreCutOffLoseNothing(t *testing.T) {
	u, err := url.Parse(testkit.Postgres(t)) // its server; the proof makes a database there
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = "sslmode=disable"
	p, err := runNodes(t.Context(), nodesOptions{settings: settings{postgres: u.String(), dir: t.TempDir()}, nodes: 3, rounds: 4, seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.verdict(); err != nil {
		t.Errorf("%v: %+v", err, p)
	}
}

func TestQuantilesAreExactToTwoPercent(t *testing.T) {
	var h histogram
	for i := 1; i <= 10_000; i++ {
		h.add(time.Duration(i) * 10 * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := h.quantile(q); math.Abs(float64(got-want)) > 0.02*float64(want) {
			t.Errorf("quantile %v is %s, want %s", q, got, want)
		}
	}
	h.reset()
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing is %s", got)
	}
}

func TestATimeInAPayloadIsReadBack(t *testing.T) {
	m := newMessage(eventType(0), 3)
	now := time.Now()
	m.stamp(now)
	for _, at := range m.stamps {
		payload := m.body[at-len(payloadHead):][:payloadSize]
		if got, ok := stampOf(payload); !ok || !got.Equal(now) {
			t.Errorf("read %s, %v; want %s", got, ok, now)
		}
	}
	if _, ok := stampOf([]byte(`{"at":"not a time, though as long"}`)); ok {
		t.Error("read a time that is none")
	}
}

func TestALedgerHasWhatWasEntered(t *testing.T) {
	l, err := openLedger(filepath.Join(t.TempDir(), "accepted"))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{`{"eventType":"a","id":"msg_1","payload":{"id":"not this"}}`, `{"data":[{"id":"msg_2"},{"id":"msg_3"}]}`} {
		if err := l.enter([]byte(answer)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.enter([]byte(`{}`)); err == nil {
		t.Error("an answer without an id was entered")
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	ids, err := l.read()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"msg_1", "msg_2", "msg_3"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestAnInboxTellsWhatIsMissingAndRepeated(t *testing.T) {
	b, err := openInbox(1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	b.calm()
	for _, id := range []string{"msg_1", "msg_2", "msg_1"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Webhook-Id", id)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if got := b.delivered([]string{"msg_1", "msg_2", "msg_3"}); got != 2 {
		t.Errorf("%d deliveries, want 2", got)
	}
	if repeated, _ := b.counts(); repeated != 1 {
		t.Errorf("%d repeated, want 1", repeated)
	}
}

func TestAProofFailsWhenSomethingIsLostOrNothingWasAccepted(t *testing.T) {
	for want, p := range map[bool]proof{
		false: {Accepted: 1, Owed: 3, Delivered: 3},
		true:  {Accepted: 1, Owed: 3, Delivered: 2, Lost: 1},
	} {
		if failed := p.verdict() != nil; failed != want {
			t.Errorf("%+v: failed %v", p, failed)
		}
	}
	if (proof{}).verdict() == nil {
		t.Error("nothing was accepted, and that was a proof")
	}
}

func TestAWrongCommandLineIsSaid(t *testing.T) {
	for _, args := range [][]string{{"-store", "oracle"}, {"-no-such-flag"}, {"more"}} {
		var s settings
		f := flag.NewFlagSet("bench", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		if err := s.parse(t.Context(), f, args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := choose("no-such-row"); !errors.Is(err, errUsage) {
		t.Errorf("a row that does not exist: %v", err)
	}
}
