package pywebhooks_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

var (
	uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	hex40 = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

func TestAnAccountIsMadeAndSeesItself(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	// What only the server decides, and wrong credentials, have no effect.
	made := w.want(201, account{name: "stale", key: "stale"}, "POST", "/account",
		`{"username": "sarah", "endpoint": "`+r.URLFor("/e?tok=1#top")+`", "is_admin": true, "id": "x", "api_key": "x", "failed_count": 7, "more": []}`)
	w.keys(made, "api_key", "endpoint", "epoch", "failed_count", "id", "is_admin", "secret_key", "username")
	for name, form := range map[string]*regexp.Regexp{"id": uuid4, "api_key": hex40, "secret_key": hex40} {
		if !form.MatchString(made[name].(string)) {
			t.Errorf("%s is %v", name, made[name])
		}
	}
	if made["failed_count"] != 0.0 || made["is_admin"] != false || made["endpoint"] != r.URLFor("/e?tok=1#top") {
		t.Errorf("got %v", made)
	}
	if age := time.Since(time.UnixMicro(int64(made["epoch"].(float64) * 1e6))); age < 0 || age > rig.Patience {
		t.Errorf("epoch %v", made["epoch"])
	}
	got := w.came(r, "GET", 1)[0]
	for _, line := range []string{"\r\nAccept: application/json\r\n", "\r\nContent-Type: application/json\r\n"} {
		if !strings.Contains(got.Head, line) {
			t.Errorf("no %q in %q", line, got.Head)
		}
	}
	if !regexp.MustCompile(`^/e\?tok=1&echo=[0-9a-f]{40}$`).MatchString(got.Target) || len(got.Body) > 0 || got.Header.Get("event") != "" {
		t.Errorf("the challenge was %q", got.Head)
	}
	me := account{id: made["id"].(string), name: "sarah", key: made["api_key"].(string)}
	seen := w.want(200, me, "GET", "/account/"+me.id, "")
	if !strings.HasPrefix(seen["api_key"].(string), "pbkdf2:") {
		t.Errorf("its key is shown as %v", seen["api_key"])
	}
	seen["api_key"] = made["api_key"]
	if diff := cmp.Diff(made, seen); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyAnEndpointThatEchoesIsLetIn(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	before := w.want(200, user, "GET", "/account/"+user.id, "")
	echo := func(format string) testkit.Answer {
		return func(x *testkit.Exchange) bool {
			value := x.Request.Target[strings.LastIndexByte(x.Request.Target, '=')+1:]
			return testkit.Raw(strings.ReplaceAll(format, "ECHO", value), false)(x)
		}
	}
	ok := "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
	for name, answer := range map[string]testkit.Answer{
		"201": echo("HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"echo\": \"ECHO\"}"), "204": testkit.Status(204), "500": testkit.Status(500),
		"no JSON": echo(ok + "ECHO"), "an array": echo(ok + `["ECHO"]`), "a text": echo(ok + `"ECHO"`), "null": echo(ok + "null"),
		"another name": echo(ok + `{"Echo": "ECHO"}`), "another value": echo(ok + `{"echo": "ECHO1"}`), "a number": echo(ok + `{"echo": 1}`),
		"nothing": echo(ok), "a closed connection": testkit.Close(), "two values": echo(ok + `{"echo": "ECHO"} {}`),
		"an endless body":   testkit.Flood(ok+`{"echo": "`, "x"),
		"a redirect inside": testkit.Redirect(302, "http://10.0.0.1/"), "a loop": testkit.Redirect(302, "/bad"),
	} {
		r.Script("/bad", answer)
		body := `{"username": "other", "endpoint": "` + r.URLFor("/bad") + `"}`
		t.Log(name)
		w.fails(400, "Echo response failed", account{}, "POST", "/account", body)
		w.fails(400, "Echo response failed", user, "PATCH", "/account", body)
	}
	for _, endpoint := range []string{
		`5`, `null`, `[]`, `""`, `"nowhere"`, `"ftp://127.0.0.1/"`, `"file:///etc/passwd"`, `"http://127.0.0.1:1/"`,
		`"http://10.0.0.1/"`, `"http://169.254.169.254/"`, `"http://[::1]/"`, `"http://2130706433/"`, `"http://nobody.invalid/"`,
	} {
		w.fails(400, "Echo response failed", account{}, "POST", "/account", `{"username": "other", "endpoint": `+endpoint+`}`)
		w.fails(400, "Echo response failed", user, "PATCH", "/account", `{"endpoint": `+endpoint+`}`)
	}
	if diff := cmp.Diff(before, w.want(200, user, "GET", "/account/"+user.id, "")); diff != "" {
		t.Error(diff)
	}
	// Extra members, other types, a byte order mark and redirects, up to thirty, are fine.
	r.Script("/good", echo(ok+"\ufeff"+`{"a": [], "echo": "ECHO"}`))
	w.joinAt("good", r.URLFor("/good"))
	r.Script("/moved", func(x *testkit.Exchange) bool {
		hops, query, _ := strings.Cut(strings.TrimPrefix(x.Request.Target, "/moved"), "?")
		if len(hops) == 30 {
			return echoes(x)
		}
		return testkit.Redirect(302, "/moved"+hops+"+?"+query)(x)
	})
	w.joinAt("moved", r.URLFor("/moved"))
}

func TestAChallengeHasOneDeadline(t *testing.T) {
	w := newWorld(t, func(o *pywebhooks.Options) { o.Policy.RequestTimeout = 200 * time.Millisecond })
	r := w.receiver()
	for name, answer := range map[string]testkit.Answer{
		"silence":   testkit.Hang(),
		"drip":      testkit.Drip(50*time.Millisecond, "HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 1000)),
		"slow loop": testkit.Delay(50*time.Millisecond, testkit.Redirect(302, "/bad")),
	} {
		t.Log(name)
		r.Script("/bad", answer)
		w.fails(400, "Echo response failed", account{}, "POST", "/account", `{"username": "other", "endpoint": "`+r.URLFor("/bad")+`"}`)
	}
}

func TestOnlySoManyEndpointsAreContactedAtOnce(t *testing.T) {
	w := newWorld(t, func(o *pywebhooks.Options) { o.Contacts, o.Policy.RequestTimeout = 2, rig.Patience })
	r := w.receiver()
	r.Script("", testkit.HangUntilReleased(echoes))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if got := w.do(account{}, "POST", "/account", fmt.Sprintf(`{"username": "u%d", "endpoint": %q}`, i, r.URL())); got.Status != 201 {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	w.came(r, "GET", 2)
	letIn := func() bool {
		r.Release()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	rig.Await(w, "all are let in", letIn)
	if r.Peak() != 2 {
		t.Errorf("%d at once", r.Peak())
	}
}

func TestUsernamesAreTakenOnce(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	w.join("sarah", r)
	w.join("Sarah", r)
	for _, name := range []string{"sarah", "admin"} {
		w.fails(409, "Username already exists", account{}, "POST", "/account", `{"username": "`+name+`", "endpoint": "`+r.URL()+`"}`)
	}
	// The challenge comes before the name.
	w.fails(400, "Echo response failed", account{}, "POST", "/account", `{"username": "sarah", "endpoint": "http://127.0.0.1:1/"}`)

	for _, name := range []string{"racer", "with blank", strings.Repeat("long", 60)} {
		var all sync.WaitGroup
		var mu sync.Mutex
		count := map[int]int{}
		for range 8 {
			all.Go(func() {
				got := w.do(account{}, "POST", "/account", `{"username": "`+name+`", "endpoint": "`+r.URL()+`"}`)
				mu.Lock()
				defer mu.Unlock()
				count[got.Status]++
			})
		}
		all.Wait()
		if diff := cmp.Diff(map[int]int{201: 1, 409: 7}, count); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAccountsThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	for _, body := range []string{
		`{}`, `[]`, `5`, `"{}"`, `null`, `{"endpoint": "` + r.URL() + `"}`, `{"username": "x"}`,
		`{"Username": "x", "endpoint": "` + r.URL() + `"}`, `{"username": "x", "ENDPOINT": "` + r.URL() + `"}`,
	} {
		if o := w.want(400, account{}, "POST", "/account", body); o["Error"] == nil {
			t.Errorf("%s: %v", body, o)
		}
	}
	for _, name := range []string{`""`, `5`, `null`, `["x"]`, `{}`, `"a\nb"`, `" x"`, `"x "`, `"\u0000"`, `"` + strings.Repeat("x", 257) + `"`} {
		if o := w.want(400, account{}, "POST", "/account", `{"username": `+name+`, "endpoint": "`+r.URL()+`"}`); o["Error"] == nil {
			t.Errorf("%s: %v", name, o)
		}
	}
	if r.Count() != 0 {
		t.Error("an endpoint was contacted for nothing")
	}
	if all := w.records(w.admin, "/accounts", "accounts"); len(all) != 1 {
		t.Errorf("there are %v", all)
	}
}

func TestEverybodySeesTheirOwnAccountAlone(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	a, b := w.join("a", r), w.join("b", r)
	for _, who := range []account{b, w.admin} {
		for _, id := range []string{a.id, strings.ToUpper(who.id), strings.ReplaceAll(who.id, "-", ""), "garbage", "00000000-0000-0000-0000-000000000000"} {
			w.fails(401, "Not authorized", who, "GET", "/account/"+id, "")
		}
	}
	seen := w.want(200, w.admin, "GET", "/account/"+w.admin.id, "")
	w.keys(seen, "api_key", "endpoint", "epoch", "id", "is_admin", "secret_key", "username")
	if seen["is_admin"] != true || seen["endpoint"] != "" || seen["secret_key"] != w.admin.secret || seen["username"] != "admin" {
		t.Errorf("the admin is %v", seen)
	}
	// The admin sees everybody in the list, with their secret keys.
	all := w.records(w.admin, "/accounts", "accounts")
	if len(all) != 3 || all[1]["secret_key"] != a.secret || all[2]["secret_key"] != b.secret || all[0]["api_key"] == w.admin.key {
		t.Errorf("the list is %v", all)
	}
	own := w.want(200, a, "GET", "/account/"+a.id, "")
	if diff := cmp.Diff(own, all[1]); diff != "" {
		t.Error(diff)
	}
}

func TestAnEndpointMoves(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	to := func(path string) string {
		return `{"endpoint": "` + r.URLFor(path) + `", "username": "new", "secret_key": "new"}`
	}
	for _, body := range []string{`{}`, `[]`, `5`, `null`, `{"Endpoint": "x"}`} {
		w.fails(400, "Missing endpoint field", user, "PATCH", "/account", body)
	}
	w.sums("replaced", 1, user, "PATCH", "/account", to("/new"))
	w.sums("unchanged", 1, user, "PATCH", "/account", to("/new"))
	seen := w.want(200, user, "GET", "/account/"+user.id, "")
	if seen["endpoint"] != r.URLFor("/new") || seen["username"] != "user" || seen["secret_key"] != user.secret {
		t.Errorf("got %v", seen)
	}
	registration := w.register(user, "e")
	w.subscribe(user, registration)
	w.trigger(user, registration)
	if got := w.posts(r, 1)[0]; got.Target != "/new" {
		t.Errorf("it went to %s", got.Target)
	}
	// An admin with an endpoint counts failures like everybody.
	w.sums("replaced", 1, w.admin, "PATCH", "/account", to("/admin"))
	if seen := w.want(200, w.admin, "GET", "/account/"+w.admin.id, ""); seen["failed_count"] != 0.0 || seen["endpoint"] != r.URLFor("/admin") {
		t.Errorf("the admin is %v", seen)
	}
	w.subscribe(w.admin, registration)
	w.trigger(user, registration)
	w.posts(r, 3)
}

func TestADeletedAccountTakesAllTracesAlong(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	a, b := w.join("a", r), w.join("b", r)
	ra, rb := w.register(a, "a"), w.register(b, "b")
	w.subscribe(a, rb)
	w.subscribe(b, ra)
	kept := w.subscribe(b, rb)
	w.trigger(a, ra)
	for _, id := range []string{b.id, w.admin.id, "garbage"} {
		w.fails(401, "Not authorized", a, "DELETE", "/account/"+id, "")
	}
	w.sums("deleted", 1, a, "DELETE", "/account/"+a.id, "")
	w.fails(401, "Invalid API key or Username", a, "DELETE", "/account/"+a.id, "")
	if all := w.records(b, "/webhook/registrations", "registrations"); len(all) != 1 || all[0]["id"] != rb {
		t.Errorf("registrations: %v", all)
	}
	if all := w.records(b, "/webhook/subscriptions", "subscriptions"); len(all) != 1 || all[0]["id"] != kept {
		t.Errorf("subscriptions: %v", all)
	}
	if all := w.records(b, "/webhook/triggered", "triggered_webhooks"); len(all) != 1 || all[0]["registration_id"] != ra {
		t.Errorf("triggered: %v", all)
	}
	w.sums("skipped", 1, w.admin, "DELETE", "/account/"+a.id, "")
	w.sums("skipped", 1, w.admin, "DELETE", "/account/garbage", "")
	w.sums("deleted", 1, w.admin, "DELETE", "/account/"+b.id, "")
	again := w.join("a", r) // the name is free at once
	if again.id == a.id {
		t.Error("the id came again")
	}
}

func TestTheAdminStays(t *testing.T) {
	w := newWorld(t)
	w.fails(401, "Not authorized", w.admin, "DELETE", "/account/"+w.admin.id, "")
	w.sums("deleted", 0, w.admin, "DELETE", "/accounts", "")
	w.want(200, w.admin, "GET", "/account/"+w.admin.id, "")
	again, err := w.api.Begin(t.Context())
	if again != nil || err != nil {
		t.Errorf("another admin: %v, %v", again, err)
	}
}

func TestClearedAccountsLeaveEverythingElse(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	a, b := w.join("a", r), w.join("b", r)
	ra := w.register(a, "a")
	radmin := w.register(w.admin, "admin")
	w.subscribe(b, ra)
	w.subscribe(b, radmin)
	w.sums("deleted", 2, w.admin, "DELETE", "/accounts", "")
	w.fails(401, "Invalid API key or Username", a, "GET", "/account/"+a.id, "")
	if all := w.records(w.admin, "/webhook/registrations", "registrations"); len(all) != 2 || all[0]["account_id"] != a.id {
		t.Errorf("registrations: %v", all)
	}
	all := w.records(w.admin, "/webhook/subscriptions", "subscriptions")
	if len(all) != 2 || all[0]["account_id"] != b.id || all[0]["registration_id"] != ra {
		t.Errorf("subscriptions: %v", all)
	}
	// A subscription whose account is gone does not keep anybody from triggering.
	posts := r.Count()
	w.trigger(w.admin, radmin)
	again := w.join("b", r)
	w.subscribe(again, radmin)
	w.trigger(w.admin, radmin)
	if got := w.posts(r, 1); len(got) != 1 || r.Count() > posts+2 {
		t.Errorf("%d posts", len(got))
	}
	w.sums("deleted", 1, w.admin, "DELETE", "/webhook/subscription/"+all[0]["id"].(string), "")
	w.sums("deleted", 2, w.admin, "DELETE", "/webhook/registrations", "")
	w.sums("deleted", 2, w.admin, "DELETE", "/webhook/subscriptions", "")
	w.sums("deleted", 0, w.admin, "DELETE", "/webhook/subscriptions", "")
	w.sums("deleted", 0, w.admin, "DELETE", "/webhook/registrations", "")
}

func TestCertificatesAreVerifiedUnlessTheOperatorSaysOtherwise(t *testing.T) {
	for insecure, want := range map[bool]int{false: 400, true: 201} {
		w := newWorld(t, func(o *pywebhooks.Options) { o.Policy.InsecureTLS = insecure })
		r := testkit.NewReceiverWith(t, testkit.Options{TLS: true})
		r.Script("", echoes)
		if got := w.do(account{}, "POST", "/account", `{"username": "user", "endpoint": "`+r.URL()+`"}`); got.Status != want {
			t.Errorf("insecure %v: %d %s", insecure, got.Status, got.Body)
		}
		if !insecure {
			continue
		}
		user := w.joinAt("other", r.URL())
		registration := w.register(user, "e")
		w.subscribe(user, registration)
		w.trigger(user, registration)
		w.posts(r, 1)
	}
}

func TestAPolicyThatChangedHoldsForAccountsThatAreThere(t *testing.T) {
	w := newWorld(t)
	user := w.join("user", w.receiver())
	o := w.api.Options
	o.Policy = pywebhooks.Policy{RequestTimeout: time.Second, Retry: time.Minute, FinalRetry: 2 * time.Minute, MaxFailedCount: 3}
	later, err := pywebhooks.New(o)
	w.must(err)
	_, err = later.Begin(t.Context())
	w.must(err)
	account, err := w.control.FindAccount(t.Context(), w.root().ID, [16]byte{}, user.name)
	w.must(err)
	e, err := w.control.FindEndpoint(t.Context(), account.ID, [16]byte{}, "pywebhooks")
	w.must(err)
	plan, err := json.Marshal([]any{e.Timeout, e.Retry.Schedule, e.Health.MaxFailuresInRow})
	w.must(err)
	if want := "[1000000000,[60000000000,60000000000,120000000000],3]"; string(plan) != want {
		t.Errorf("got %s, want %s", plan, want)
	}
}
