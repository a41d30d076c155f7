package pywebhooks_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/internal/api/pywebhooks"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/testkit"
)

const contactFailed = "Failed to contact the endpoint or wrong HTTP status code returned"

// brought returns the newest key of a kind that a receiver was brought.
func (w *world) brought(r *testkit.Receiver, kind string) string {
	w.Helper()
	form := regexp.MustCompile(`[?&]` + kind + `=([0-9a-f]{40})$`)
	for all := r.Requests(); len(all) > 0; all = all[:len(all)-1] {
		if found := form.FindStringSubmatch(all[len(all)-1].Target); found != nil {
			return found[1]
		}
	}
	w.Fatalf("no %s was brought", kind)
	return ""
}

func TestANewAPIKeyHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	shown := w.want(200, user, "GET", "/account/"+user.id, "")["api_key"]
	for range 2 {
		o := w.want(200, account{}, "POST", "/account/reset/apikey", `"{}"`, "username", "user")
		if len(o) != 1 || o["Message"] != "New key sent to endpoint" {
			t.Errorf("got %v", o)
		}
		w.fails(401, "Invalid API key", user, "GET", "/account/"+user.id, "")
		user.key = w.brought(r, "api_key")
		w.want(200, user, "GET", "/account/"+user.id, "")
	}
	if now := w.want(200, user, "GET", "/account/"+user.id, ""); now["api_key"] == shown || now["secret_key"] != user.secret {
		t.Errorf("got %v", now)
	}
}

func TestANewSecretKeySignsWhatIsTriggeredLater(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	registration := w.register(user, "e")
	w.subscribe(user, registration)
	w.trigger(user, registration)
	w.posts(r, 1)
	w.want(200, user, "POST", "/account/reset/secretkey", "")
	key := w.brought(r, "secret_key")
	if seen := w.want(200, user, "GET", "/account/"+user.id, ""); seen["secret_key"] != key || key == user.secret {
		t.Errorf("got %v", seen)
	}
	w.trigger(user, registration)
	posts := w.posts(r, 2)
	for i, key := range []string{user.secret, key} {
		if got := posts[i].Header.Get("pywebhooks-signature"); got != sign.SHA1Hex(key, posts[i].Body) {
			t.Errorf("delivery %d is signed with another key", i)
		}
	}
}

func TestAKeyThatDoesNotArriveChangesNothing(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	for _, answer := range []testkit.Answer{
		testkit.Status(200), testkit.Respond(200, "ok"), testkit.Respond(201, "{}"), testkit.Status(500), testkit.Close(),
		testkit.Redirect(302, "http://10.0.0.1/"),
	} {
		r.Script("", answer)
		w.fails(400, contactFailed, account{}, "POST", "/account/reset/apikey", "", "username", "user")
		w.fails(400, contactFailed, user, "POST", "/account/reset/secretkey", "")
	}
	if seen := w.want(200, user, "GET", "/account/"+user.id, ""); seen["secret_key"] != user.secret || seen["failed_count"] != 0.0 {
		t.Errorf("got %v", seen)
	}
	for _, body := range []string{"{}", "[]", "5", " null"} {
		r.Script("", testkit.Respond(200, body))
		w.want(200, account{}, "POST", "/account/reset/apikey", "", "username", "user")
	}
}

func TestResetsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.fails(400, "Missing the username header value", account{}, "POST", "/account/reset/apikey", "")
	w.fails(404, "Username not found", account{}, "POST", "/account/reset/apikey", "", "username", "nobody")
	w.fails(404, "Endpoint not found", account{}, "POST", "/account/reset/apikey", "", "username", "admin")
	w.fails(401, "Missing API key header value", account{}, "POST", "/account/reset/secretkey", "")
	w.fails(404, "Endpoint not found", w.admin, "POST", "/account/reset/secretkey", "")
}

func TestResetsAreLimited(t *testing.T) {
	w := newWorld(t, func(o *pywebhooks.Options) { o.ResetRate = 1 })
	r := w.receiver()
	w.join("user", r)
	w.want(200, account{}, "POST", "/account/reset/apikey", "", "username", "user")
	w.fails(429, "Too many requests", account{}, "POST", "/account/reset/apikey", "", "username", "user")
	w.fails(429, "Too many requests", account{}, "POST", "/account/reset/apikey", "", "username", "nobody")
	if n := len(w.came(r, "GET", 2)); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestOfSeveralResetsTheLastKeyThatArrivedHolds(t *testing.T) {
	w := newWorld(t)
	r := w.receiver()
	user := w.join("user", r)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { w.do(account{}, "POST", "/account/reset/apikey", "", "username", "user") })
	}
	all.Wait()
	requests := w.came(r, "GET", 9)
	target := requests[len(requests)-1].Target
	user.key = target[strings.LastIndexByte(target, '=')+1:]
	w.want(200, user, "GET", "/account/"+user.id, "")
}
