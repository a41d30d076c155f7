package viaplugin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/deliver/delivertest"
	"github.com/switchhook/switchhook/internal/webhook"
)

// greeting is the first line of a well-behaved script.
const greeting = `echo '{"type":"hello","protocol":1,"name":"script"}'; `

// answers reads deliveries and answers that they are done.
const answers = `while read -r line; do id=${line#*\"id\":\"}; echo "{\"id\":\"${id%%\"*}\",\"result\":\"delivered\"}"; done`

func TestCheckNamesWhatIsWrong(t *testing.T) {
	hello := func(rest string) string { return `echo '{"type":"hello",` + rest + `}'; cat >/dev/null` }
	for name, c := range map[string]struct {
		script string
		want   string
	}{
		"nothing is wrong":      {greeting + "cat >/dev/null", ""},
		"not JSON":              {"echo Hello, world!", "its first line is no JSON object"},
		"another type":          {`echo '{"type":"answer"}'; cat >/dev/null`, `not of type "hello"`},
		"another version":       {hello(`"protocol":2,"name":"script"`), "speaks version 2 of the protocol"},
		"no version":            {hello(`"name":"script"`), "speaks version 0"},
		"another name":          {hello(`"protocol":1,"name":"other"`), `says that it is "other", and it is installed as "script"`},
		"no concurrency":        {hello(`"protocol":1,"name":"script","concurrency":-1`), "its concurrency is -1"},
		"no JSON Schema":        {hello(`"protocol":1,"name":"script","config_schema":{"type":"strin"}`), "config_schema is no JSON Schema"},
		"says nothing":          {"cat >/dev/null", "it said nothing for 1s"},
		"ends":                  {"exit 3", "exit status 3"},
		"ends with a line":      {"printf '{'; exit 3", "exit status 3"},
		"too long":              {"head -c 5000 /dev/zero | tr '\\0' x; cat >/dev/null", "a line of more than 4096 bytes"},
		"closes its output":     {"exec >&-; cat >/dev/null", "it closed its output"},
		"does not end":          {greeting + "exec sleep 1000", "did not end within 100ms"},
		"fails at its end":      {greeting + "cat >/dev/null; exit 4", "exit status 4"},
		"gigabytes on stdout":   {"exec cat /dev/zero", "a line of more than 4096 bytes"},
		"nonsense without end":  {greeting + "exec yes nonsense", "101 lines in a row that make no sense"},
		"noise on the other fd": {"yes noise >&2 & " + greeting + "cat >/dev/null", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Name: "script", Command: "sh", Args: []string{"-c", c.script}, Start: time.Second, Stop: 100 * time.Millisecond, Line: 4096}
			if c.want != "it said nothing for 1s" {
				o.Start = patience
			}
			if !strings.Contains(c.want, "did not end") {
				o.Stop = patience
			}
			s, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			h, err := s.Check(t.Context())
			if c.want == "" {
				if err != nil || h.Name != "script" {
					t.Errorf("got %+v, %v", h, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	s, err := New(Options{Name: "none", Command: "./none", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "it does not start") {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestAStrayLineIsLoggedAndHarmsNothing(t *testing.T) {
	r := shell(t, greeting+`echo debugging; echo '{"id":"77","result":"delivered"}'; `+answers, Options{})
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	if got := r.log.lines("does not keep to the protocol"); len(got) != 1 || !strings.Contains(got[0], "debugging") {
		t.Errorf("logged %q", got)
	}
}

func TestAnUnknownIDIsNoAnswer(t *testing.T) {
	r := shell(t, greeting+`read -r line; echo '{"id":"999","result":"delivered"}'; cat >/dev/null`, Options{}).up()
	j := job("script", "")
	j.Timeout = 500 * time.Millisecond
	if out := r.Deliver(t.Context(), j); out.Result != webhook.ResultRetry || !out.Timeout {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	r.log.wait(t, "answered something that it was not asked", 1)
}

func TestALateAnswerIsLoggedAndFreesThePlace(t *testing.T) {
	dir := t.TempDir()
	fifo := makeFIFO(t, dir)
	script := greeting + `read -r line; read -r go < fifo; id=${line#*\"id\":\"}; echo "{\"id\":\"${id%%\"*}\",\"result\":\"delivered\"}"; ` + answers
	r := shell(t, script, Options{Dir: dir, Grace: patience}).up()
	j := job("script", "")
	j.Timeout = 500 * time.Millisecond
	if out := r.Deliver(t.Context(), j); out.Result != webhook.ResultRetry || !out.Timeout || out.Detail != "no answer of the plug-in within 500ms" {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	if err := os.WriteFile(fifo, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	r.log.wait(t, "answered after the deadline", 1)
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("afterwards: %v: %s", out.Result, out.Detail)
	}
	if n := len(r.log.lines("plug-in failed")); n != 0 {
		t.Errorf("it was started again %d times", n)
	}
}

func makeFIFO(t *testing.T, dir string) string {
	t.Helper()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo
}

func TestAPlugInThatHangsIsStartedAgain(t *testing.T) {
	r := shell(t, greeting+`test -e again && { `+answers+`; exit; }; touch again; sleep 1000`, Options{Dir: t.TempDir(), Grace: time.Millisecond}).up()
	j := job("script", "")
	j.Timeout = 500 * time.Millisecond
	if out := r.Deliver(t.Context(), j); !out.Timeout {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	r.log.wait(t, "it hangs", 1)
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("afterwards: %v: %s", out.Result, out.Detail)
	}
}

func TestACrashFailsOnlyWhatWasInHand(t *testing.T) {
	r := runActor(t, Options{})
	setBehaviour(t, r.dir, delivertest.Hangs)
	inHand := make(chan webhook.Outcome)
	go func() { inHand <- r.deliver("") }()
	for received(t, r.dir) == 0 {
		r.yield()
	}
	setBehaviour(t, r.dir, delivertest.Breaks)
	for _, out := range []webhook.Outcome{r.deliver(""), <-inHand} {
		if out.Result != webhook.ResultRetry || out.Detail != "the plug-in failed: it ended: exit status 3" {
			t.Errorf("got %v: %s", out.Result, out.Detail)
		}
	}
	setBehaviour(t, r.dir, delivertest.Accepts)
	if out := r.deliver(""); out.Result != webhook.ResultDelivered {
		t.Errorf("afterwards: %v: %s", out.Result, out.Detail)
	}
}

// yield lets others run.
func (r *running) yield() {
	tick := time.NewTimer(time.Millisecond)
	<-tick.C
}

func TestAPlugInThatFailsAgainAndAgainIsStartedLessAndLess(t *testing.T) {
	t.Parallel()
	r := shell(t, "exit 7", Options{})
	r.log.wait(t, "again_in=3.2s", 1)
	waits := ""
	for _, l := range r.log.lines("again_in=") {
		_, wait, _ := strings.Cut(l, "again_in=")
		waits += wait + " "
	}
	if waits != "100ms 200ms 400ms 800ms 1.6s 3.2s " {
		t.Errorf("waits: %s", waits)
	}
	if out := r.deliver(""); out.Result != webhook.ResultRetry || out.Detail != "the plug-in failed: it ended: exit status 7" {
		t.Errorf("meanwhile: %v: %s", out.Result, out.Detail)
	}
}

func TestOthersStayAtSpeedBesideBadOnes(t *testing.T) {
	t.Parallel()
	good := runActor(t, Options{})
	bad := []*running{
		shell(t, greeting+"yes noise >&2 & "+answers, Options{}),
		shell(t, greeting+"read -r line; exec cat /dev/zero", Options{}),
		shell(t, greeting+"read -r line; exec yes nonsense", Options{}),
		shell(t, greeting+"read -r line; exit 1", Options{}),
		shell(t, greeting+"sleep 1000", Options{Grace: time.Millisecond}),
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, r := range bad {
		all.Go(func() {
			for ctx.Err() == nil {
				j := job("script", "")
				j.Timeout = 100 * time.Millisecond
				r.Deliver(ctx, j)
			}
		})
	}
	for range 500 {
		if out := good.deliver(""); out.Result != webhook.ResultDelivered {
			t.Errorf("got %v: %s", out.Result, out.Detail)
			break
		}
	}
	cancel()
	all.Wait()
	if n := len(bad[0].log.lines("plug-in says")); n > 2000 {
		t.Errorf("%d lines of noise were logged", n)
	}
}

func TestADeliveryBehindAllPlacesWaitsNoLongerThanItMay(t *testing.T) {
	r := shell(t, greeting+"cat >/dev/null", Options{Grace: patience, Stop: time.Second})
	held := make(chan webhook.Outcome)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { held <- r.Deliver(ctx, job("script", "")) }()
	for !r.busy() {
		r.yield()
	}
	j := job("script", "")
	j.Timeout = 50 * time.Millisecond
	if out := r.Deliver(t.Context(), j); out.Result != webhook.ResultThrottled || out.Detail != "the plug-in was busy for 50ms" {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	cancel()
	if out := <-held; out.Result != webhook.ResultRetry {
		t.Errorf("the one that was cancelled: %v: %s", out.Result, out.Detail)
	}
}

func TestAnswersToWhatWasNotReadBlockNobody(t *testing.T) {
	script := `echo '{"type":"hello","protocol":1,"name":"script","concurrency":2}'
i=0; while :; do i=$((i+1)); sleep 0.05; echo "{\"id\":\"$i\",\"result\":\"delivered\"}"; done`
	r := shell(t, script, Options{InFlight: 2}).up()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 10 {
				j := job("script", "")
				j.Event.Payload = []byte(`"` + strings.Repeat("x", 100_000) + `"`) // more than a pipe holds
				j.Timeout = 500 * time.Millisecond
				r.Deliver(t.Context(), j)
			}
		})
	}
	all.Wait() // whatever came of them, it came in time
	r.log.wait(t, "it answers deliveries that it has not read", 1)
}

// busy says whether every place is taken.
func (r *running) busy() bool {
	r.Service.places.mu.Lock()
	defer r.Service.places.mu.Unlock()
	return len(r.Service.places.all) > 0 && r.Service.places.freest() == nil
}
