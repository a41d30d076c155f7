// Package delivertest is the conformance suite of deliver.Service. Run holds for
// every service; RunHTTP adds what holds for those that deliver over HTTP. A new
// way to deliver is finished when its own test calls one of the two.
package delivertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/deliver"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// Behaviour is how the receiving side treats deliveries.
type Behaviour string

// The behaviours.
const (
	Accepts Behaviour = "accepts" // takes every delivery
	Fails   Behaviour = "fails"   // turns every delivery away, which may pass
	Rejects Behaviour = "rejects" // turns every delivery away for good
	Hangs   Behaviour = "hangs"   // takes it and does not answer
	Breaks  Behaviour = "breaks"  // breaks the connection instead of answering
	Babbles Behaviour = "babbles" // answers nonsense
)

// Target is a service under test with a receiving side. Each test has its own.
type Target struct {
	Service  deliver.Service
	Endpoint webhook.Endpoint            // leads to the receiving side
	Invalid  map[string]webhook.Endpoint // what Validate has to refuse, by what is wrong with it
	Payload  []byte                      // one that can be delivered; nil is a small JSON object
	Secrets  []string                    // must not be seen in any outcome

	// Behave makes the receiving side behave so from now on. It returns false
	// where that makes no sense; the test is then left out.
	Behave func(Behaviour) bool

	// Reason is what the receiving side says when it fails or rejects; "" where no such
	// thing is passed on.
	Reason string

	// Rows says that outcomes carry what their dialect's log shows: {"detail": object}.
	Rows bool

	// Received counts the deliveries that the receiving side has seen. Nil where
	// it cannot tell.
	Received func() int
}

// patience is how long any one attempt may take that ought to end by itself.
const patience = 10 * time.Second

// shortly is the time that an attempt is given which has to run out of it.
const shortly = 100 * time.Millisecond

// Run checks what holds for every service. The receiving side accepts
// deliveries until it is told otherwise.
func Run(t *testing.T, newTarget func(t *testing.T) Target) {
	for name, test := range map[string]func(*testing.T, Target){
		"it has a name":          named,
		"it validates endpoints": validates,
		"it delivers":            delivers,

		"a failure is an outcome with its reason": fails,
		"what is turned away for good is so":      rejects,
		"the log's row is an object":              keepsRows,
		"the time-out is kept":                    keepsTimeout,
		"the context's deadline is kept":          keepsDeadline,
		"a cancelled attempt ends":                endsWhenCancelled,
		"attempts run side by side":               runsConcurrently,
		"a job is only read":                      onlyReads,
		"odd payloads are survived":               survivesPayloads,
		"invalid endpoints are survived":          survivesEndpoints,
	} {
		t.Run(name, func(t *testing.T) { test(t, newTarget(t)) })
	}
}

// job makes an attempt's job with copies of everything.
func (tg *Target) job(payload []byte) *deliver.Job {
	endpoint := tg.Endpoint
	event := id.New()
	return &deliver.Job{
		Event:        &webhook.Event{ID: event, AccountID: endpoint.AccountID, Type: "order.created", Payload: payload, CreatedAt: time.Now()},
		Delivery:     &webhook.Delivery{DeliveryID: webhook.DeliveryID{Event: event}, EndpointID: endpoint.ID, AccountID: endpoint.AccountID},
		Endpoint:     &endpoint,
		Subscription: &webhook.Subscription{ID: id.New(), EndpointID: endpoint.ID, AccountID: endpoint.AccountID, Enabled: true},
		Number:       1,
		StartedAt:    time.Now(),
		Timeout:      patience,
	}
}

func (tg *Target) payload() []byte {
	if tg.Payload != nil {
		return tg.Payload
	}
	return []byte(`{"type":"order.created","data":{"n":1}}`)
}

// attempt makes one attempt and checks what holds for every outcome.
func (tg *Target) attempt(t *testing.T, ctx context.Context, job *deliver.Job) webhook.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out := tg.Service.Deliver(ctx, job)
	if out.Result < webhook.ResultDelivered || out.Result > webhook.ResultThrottled {
		t.Errorf("the result %d is none", out.Result)
	}
	if out.Result == webhook.ResultDelivered && out.Detail != "" || out.Result != webhook.ResultDelivered && out.Detail == "" {
		t.Errorf("the result %v has the detail %q", out.Result, out.Detail)
	}
	if strings.ContainsAny(out.Detail, "\r\n\x00") || len(out.Detail) > 500 {
		t.Errorf("the detail is not one short line: %q", out.Detail)
	}
	if out.RetryAfter < 0 {
		t.Errorf("the wish to wait %v is negative", out.RetryAfter)
	}
	if len(out.Extra) > 0 && !json.Valid(out.Extra) {
		t.Errorf("the extra record is not JSON: %q", out.Extra)
	}
	checkHeaders(t, "request", out.RequestHeaders)
	checkHeaders(t, "response", out.ResponseHeaders)
	for _, secret := range tg.Secrets {
		for _, seen := range [][]byte{[]byte(out.Detail), out.RequestHeaders, out.Extra} {
			if bytes.Contains(seen, []byte(secret)) {
				t.Errorf("the outcome shows a secret: %q", seen)
			}
		}
	}
	return out
}

func checkHeaders(t *testing.T, which string, headers []byte) {
	t.Helper()
	for line := range bytes.Lines(headers) {
		name, _, ok := bytes.Cut(line, []byte(": "))
		if !ok || len(name) == 0 || !bytes.HasSuffix(line, []byte("\n")) {
			t.Errorf("a %s header is recorded as %q", which, line)
		}
	}
}

func named(t *testing.T, tg Target) {
	if name := tg.Service.Name(); name == "" || name != tg.Service.Name() {
		t.Errorf("its name is %q", name)
	}
}

func validates(t *testing.T, tg Target) {
	endpoint := tg.Endpoint
	if err := tg.Service.Validate(&endpoint); err != nil {
		t.Errorf("the endpoint is refused: %v", err)
	}
	for name, invalid := range tg.Invalid {
		err := tg.Service.Validate(&invalid)
		if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Code != webhook.CodeInvalid || e.Field == "" || e.Message == "" {
			t.Errorf("%s: got %v, want an error that names the field", name, err)
		}
	}
}

func delivers(t *testing.T, tg Target) {
	for n := 1; n <= 3; n++ {
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultDelivered {
			t.Fatalf("got %v: %s", out.Result, out.Detail)
		}
		if tg.Received != nil && tg.Received() != n {
			t.Fatalf("%d deliveries came of %d", tg.Received(), n)
		}
	}
}

func fails(t *testing.T, tg Target) {
	for _, b := range []Behaviour{Fails, Breaks, Babbles} {
		if !tg.Behave(b) {
			continue
		}
		before := 0
		if tg.Received != nil {
			before = tg.Received()
		}
		out := tg.attempt(t, t.Context(), tg.job(tg.payload()))
		if out.Result == webhook.ResultDelivered {
			t.Errorf("a receiver that %s was delivered to", b)
		}
		if tg.Received != nil && tg.Received() > before+1 {
			t.Errorf("a receiver that %s got one attempt %d times", b, tg.Received()-before)
		}
	}
	if tg.Behave(Accepts) {
		if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultDelivered {
			t.Errorf("after failures: got %v: %s", out.Result, out.Detail)
		}
	}
}

func rejects(t *testing.T, tg Target) {
	if !tg.Behave(Rejects) {
		return
	}
	out := tg.attempt(t, t.Context(), tg.job(tg.payload()))
	if out.Result != webhook.ResultRejected || !strings.Contains(out.Detail, tg.Reason) {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	if tg.Behave(Fails) {
		out = tg.attempt(t, t.Context(), tg.job(tg.payload()))
		if out.Result != webhook.ResultRetry || !strings.Contains(out.Detail, tg.Reason) {
			t.Errorf("what may pass: got %v: %s", out.Result, out.Detail)
		}
	}
}

func keepsRows(t *testing.T, tg Target) {
	if !tg.Rows {
		return
	}
	for _, b := range []Behaviour{Accepts, Fails, Rejects, Breaks, Hangs} {
		if !tg.Behave(b) {
			continue
		}
		job := tg.job(tg.payload())
		if b == Hangs {
			job.Timeout = shortly
		}
		tg.mustHaveRow(t, tg.attempt(t, t.Context(), job))
	}
	tg.mustHaveRow(t, tg.attempt(t, t.Context(), tg.job([]byte("not JSON"))))
}

// Detail returns the detail of an outcome's row, which must be an object.
func Detail(t *testing.T, out webhook.Outcome) map[string]any {
	t.Helper()
	var row struct{ Detail map[string]any }
	if err := json.Unmarshal(out.Extra, &row); err != nil || row.Detail == nil {
		t.Fatalf("the row of %v (%s) is %s", out.Result, out.Detail, out.Extra)
	}
	return row.Detail
}

// mustHaveRow wants an object as the detail; that of a failure says something.
func (tg *Target) mustHaveRow(t *testing.T, out webhook.Outcome) {
	t.Helper()
	if len(Detail(t, out)) == 0 && out.Result != webhook.ResultDelivered {
		t.Errorf("the row of %v (%s) says nothing", out.Result, out.Detail)
	}
}

func keepsTimeout(t *testing.T, tg Target) {
	if !tg.Behave(Hangs) {
		return
	}
	job := tg.job(tg.payload())
	job.Timeout = shortly
	tg.mustTimeOut(t, t.Context(), job)
}

func keepsDeadline(t *testing.T, tg Target) {
	if !tg.Behave(Hangs) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), shortly)
	defer cancel()
	tg.mustTimeOut(t, ctx, tg.job(tg.payload()))
}

// mustTimeOut makes an attempt that has to end shortly because its time is over.
func (tg *Target) mustTimeOut(t *testing.T, ctx context.Context, job *deliver.Job) {
	t.Helper()
	start := time.Now()
	out := tg.attempt(t, ctx, job)
	if out.Result != webhook.ResultRetry || !out.Timeout {
		t.Errorf("got %v, time-out %v: %s", out.Result, out.Timeout, out.Detail)
	}
	if took := time.Since(start); took < shortly/2 || took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

func endsWhenCancelled(t *testing.T, tg Target) {
	if !tg.Behave(Hangs) {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	start := time.Now()
	if out := tg.attempt(t, ctx, tg.job(tg.payload())); out.Result != webhook.ResultRetry {
		t.Errorf("got %v: %s", out.Result, out.Detail)
	}
	if out := tg.attempt(t, ctx, tg.job(tg.payload())); out.Result != webhook.ResultRetry {
		t.Errorf("cancelled before: got %v: %s", out.Result, out.Detail)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

func runsConcurrently(t *testing.T, tg Target) {
	const callers, each = 16, 10
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if out := tg.attempt(t, t.Context(), tg.job(tg.payload())); out.Result != webhook.ResultDelivered {
					t.Errorf("got %v: %s", out.Result, out.Detail)
					return
				}
			}
		})
	}
	all.Wait()
	if tg.Received != nil && tg.Received() != callers*each {
		t.Errorf("%d deliveries came of %d", tg.Received(), callers*each)
	}
}

func onlyReads(t *testing.T, tg Target) {
	job := tg.job(tg.payload())
	before := tg.job(bytes.Clone(job.Event.Payload))
	*before.Event, *before.Delivery, *before.Subscription = *job.Event, *job.Delivery, *job.Subscription
	before.Event.Payload = bytes.Clone(job.Event.Payload)
	before.StartedAt = job.StartedAt
	tg.attempt(t, t.Context(), job)
	if diff := cmp.Diff(before, job, cmp.Comparer(func(a, b webhook.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Error(diff)
	}
}

func survivesPayloads(t *testing.T, tg Target) {
	for _, payload := range [][]byte{
		nil,
		{},
		{0},
		[]byte("\r\n\r\n"), []byte("\xff\xfe"), []byte("not JSON"), []byte("null"), []byte(`"text"`), []byte("[]"), []byte("{"),
		[]byte(`{"a":{"a":{"a":{"a":[[[[[[[1e999]]]]]]]}}}}`), []byte(strings.Repeat("[", 10_000)), bytes.Repeat([]byte("x"), 1<<20),
	} {
		tg.attempt(t, t.Context(), tg.job(payload))
	}
	deleted := tg.job(nil)
	deleted.Event.PayloadDeleted = true
	tg.attempt(t, t.Context(), deleted)
	bare := tg.job(tg.payload())
	bare.Subscription = nil
	if _, ok := tg.Service.(deliver.NeedsSubscription); !ok {
		tg.attempt(t, t.Context(), bare)
	}
}

func survivesEndpoints(t *testing.T, tg Target) {
	for _, invalid := range tg.Invalid {
		job := tg.job(tg.payload())
		job.Endpoint = &invalid
		tg.attempt(t, t.Context(), job)
	}
	job := tg.job(tg.payload())
	job.Endpoint = &webhook.Endpoint{}
	if out := tg.attempt(t, t.Context(), job); out.Result == webhook.ResultDelivered {
		t.Error("an endpoint that leads nowhere was delivered to")
	}
}
