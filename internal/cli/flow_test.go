package cli

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
)

// background runs a verb until stop is called; stop returns its exit code.
func background(t *testing.T, args ...string) (out, errs *buffer, stop func() int) {
	t.Helper()
	out, errs = &buffer{}, &buffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(&session{ctx: ctx, in: strings.NewReader(""), out: out, err: errs}, args)
	}()
	stopped, code := false, 0
	stop = func() int {
		cancel()
		if !stopped {
			stopped, code = true, <-ended
		}
		return code
	}
	t.Cleanup(func() { stop() })
	return out, errs, stop
}

func TestListenReceivesVerifiesAndRemovesItself(t *testing.T) {
	serving(t)
	must(t, "app", "create", "Shop", "--uid", "shop")
	behind, err := testkit.StartReceiver(testkit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer behind.Close()
	behind.Script("/in", testkit.Status(202))

	out, errs, stop := background(t, "listen", "shop", "--event-type", "order.*", "--forward-to", behind.URLFor("/in"))
	errs.eventually(t, "Listening on ")
	must(t, "send", "shop", "order.paid", `{"n": 1}`)
	must(t, "send", "shop", "user.created", `{"n": 2}`)
	out.eventually(t, "verified")
	out.eventually(t, "answered 202")
	out.eventually(t, `"n": 1`)
	if got, err := behind.Wait(1, 10*time.Second); err != nil || got[0].Header.Get("webhook-signature") == "" || string(got[0].Body) != `{"n": 1}` {
		t.Errorf("forwarded: %+v, %v", got, err)
	}
	if stop() != exitOK {
		t.Errorf("exit code of listen: %s", errs)
	}
	if strings.Contains(out.String(), `"n": 2`) || strings.Contains(out.String(), "NOT VERIFIED") {
		t.Errorf("printed:\n%s", out)
	}
	var left client.List[client.Endpoint]
	if mustJSON(t, &left, "endpoint", "list", "shop"); len(left.Data) != 0 {
		t.Errorf("left behind: %+v", left.Data)
	}
}

func TestListenSaysWhatHelpsWhenTheServerMayNotReachIt(t *testing.T) {
	serving(t, "egress.allow=")
	must(t, "app", "create", "Shop", "--uid", "shop")
	code, _, errs := invoke(t, "", "listen", "shop")
	if code != exitFailed || !strings.Contains(errs, "egress.allow=loopback") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestTailShowsAttemptsAsTheyHappen(t *testing.T) {
	serving(t)
	must(t, "app", "create", "Shop", "--uid", "shop")
	out, _, stop := background(t, "tail", "shop", "--json", "--every", "100ms")
	must(t, "endpoint", "create", "shop", "http://127.0.0.1:1/", "--uid", "nobody")
	must(t, "send", "shop", "a.b", `{}`)
	out.eventually(t, "\n")
	if stop() != exitOK {
		t.Error("Ctrl-C is no failure of tail")
	}
	var a client.Attempt
	line, _, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(line), &a); err != nil || a.ResponseStatusCode != 0 || a.Outcome != "retry" {
		t.Errorf("%+v, %v in %s", a, err, line)
	}
}

func TestEveryNounFromMakingToDeleting(t *testing.T) {
	serving(t)
	var app client.App
	mustJSON(t, &app, "app", "create", "Shop", "--uid", "shop", "--metadata", "plan=big", "--rate-limit", "100")
	mustJSON(t, &app, "app", "update", app.ID, "--name", "Store")
	if mustJSON(t, &app, "app", "get", "shop"); app.Name != "Store" || app.Metadata["plan"] != "big" || app.RateLimit != 100 {
		t.Errorf("app %+v", app)
	}
	must(t, "event-type", "create", "order.paid", "--description", "Money came in")
	must(t, "event-type", "update", "order.paid", "--deprecated")
	if out := must(t, "event-type", "list"); !strings.Contains(out, "deprecated") {
		t.Errorf("event types:\n%s", out)
	}

	var e client.Endpoint
	mustJSON(t, &e, "endpoint", "create", "shop", "http://127.0.0.1:1/in", "--event-type", "order.paid", "--retry", "10s,1m",
		"--timeout", "5s", "--ordering", "fifo", "--header", "X-Team=red", "--rate-limit", "10", "--max-in-flight", "3")
	mustJSON(t, &e, "endpoint", "update", "shop", e.ID, "--uid", "main", "--to", "http://127.0.0.1:1/there")
	if e.UID != "main" || e.URL != "http://127.0.0.1:1/there" || e.RateLimit != 10 {
		t.Errorf("endpoint %+v", e)
	}
	before := must(t, "endpoint", "secret", "shop", "main")
	must(t, "endpoint", "rotate", "shop", "main", "--grace", "1h")
	if after := must(t, "endpoint", "secret", "shop", "main"); after == before || !strings.HasPrefix(after, "whsec_") {
		t.Errorf("after the rotation the secret is %s", after)
	}

	var m client.Message
	mustJSON(t, &m, "send", "shop", "order.paid", `{"n": 1}`, "--event-id", "e1", "--channel", "eu", "--tag", "t")
	if out := must(t, "message", "get", "shop", "e1"); !strings.Contains(out, `"n": 1`) || !strings.Contains(out, m.ID) {
		t.Errorf("message:\n%s", out)
	}
	if out := must(t, "message", "list", "shop", "--since", "1h", "--channel", "eu"); !strings.Contains(out, m.ID) {
		t.Errorf("messages:\n%s", out)
	}
	a := firstAttempt(t, "shop", m.ID)
	if out := must(t, "attempt", "get", "shop", m.ID, a.ID); !strings.Contains(out, "refused") || !strings.Contains(out, "webhook-signature") {
		t.Errorf("attempt:\n%s", out)
	}
	must(t, "message", "resend", "shop", m.ID, "main")
	must(t, "endpoint", "recover", "shop", "main", "--since", "1h")
	if out := must(t, "endpoint", "disable", "shop", "main"); !strings.Contains(out, "disabled: manual") {
		t.Errorf("disabled endpoint:\n%s", out)
	}
	must(t, "endpoint", "enable", "shop", "main")

	must(t, "endpoint", "delete", "shop", "main")
	must(t, "event-type", "delete", "order.paid", "--expunge")
	must(t, "app", "delete", "shop")
	if code, _, errs := invoke(t, "", "app", "get", "shop"); code != exitFailed || errs == "" {
		t.Errorf("a deleted app: exit code %d, %s", code, errs)
	}
}

// firstAttempt waits for an attempt at a message.
func firstAttempt(t *testing.T, app, message string) client.Attempt {
	t.Helper()
	for t.Context().Err() == nil {
		var list client.List[client.Attempt]
		if mustJSON(t, &list, "attempt", "list", app, "--message", message); len(list.Data) > 0 {
			return list.Data[0]
		}
	}
	t.Fatal("no attempt was made")
	return client.Attempt{}
}

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	s := serving(t)
	must(t, "app", "create", "Shop", "--uid", "shop")
	var k client.Key
	mustJSON(t, &k, "key", "create", "ci", "--app", "shop", "--expires", "90d")
	if k.Key == "" || k.Scope != "account" || k.ExpiresAt == nil {
		t.Errorf("made %+v", k)
	}
	if out := must(t, "key", "list", "--app", "shop"); !strings.Contains(out, "ci") || strings.Contains(out, k.Key) {
		t.Errorf("keys:\n%s", out)
	}
	with := func() int {
		code, _, _ := invoke(t, "", "endpoint", "list", "shop", "--url", s.URL(), "--api-key", k.Key)
		return code
	}
	if with() != exitOK {
		t.Error("the key opens nothing")
	}
	must(t, "key", "revoke", k.ID)
	if with() != exitFailed {
		t.Error("a revoked key still opens")
	}
}

func TestErrorsOfTheServerNameTheField(t *testing.T) {
	serving(t)
	must(t, "app", "create", "Shop", "--uid", "shop")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"endpoint", "create", "shop", "not-a-url"}, "url: "},
		{[]string{"endpoint", "create", "shop", "http://127.0.0.1/", "--retry", "soon"}, "retrySchedule"},
		{[]string{"send", "shop", "a b", "{}"}, "eventType: "},
		{[]string{"send", "nobody", "a.b", "{}"}, ""},
		{[]string{"app", "create", "Other", "--uid", "shop"}, "uid"},
	} {
		code, _, errs := invoke(t, "", c.args...)
		if code != exitFailed || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, errs)
		}
	}
}
