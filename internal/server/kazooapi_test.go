package server

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
	"github.com/switchhook/switchhook/internal/testkit"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// kazooCaller is somebody who has logged in to the API of that dialect.
type kazooCaller struct {
	t       *testing.T
	url     string
	token   string
	account string // path
}

func (r *running) kazooLogin(t *testing.T, url string) *kazooCaller {
	t.Helper()
	first := map[string]string{}
	for _, d := range r.Made().Dialects {
		for _, f := range d.Block {
			if d.Dialect == "kazoo" {
				first[f.Name] = f.Value
			}
		}
	}
	sum := md5.Sum([]byte(first["username"] + ":" + first["password"]))
	c := &kazooCaller{t: t, url: url, account: "/v2/accounts/" + first["account_id"]}
	got := c.call(http.StatusCreated, "PUT", "/v2/user_auth", map[string]any{
		"credentials": hex.EncodeToString(sum[:]), "account_name": first["account_name"],
	})
	c.token = got["auth_token"].(string)
	return c
}

// call makes a request and wants a status; it returns the envelope.
func (c *kazooCaller) call(status int, method, path string, data any) map[string]any {
	c.t.Helper()
	var body any
	if data != nil {
		body = map[string]any{"data": data}
	}
	r := rig.Request(c.t, method, c.url+path, body, "Content-Type", "application/json", "X-Auth-Token", c.token)
	return rig.Send(c.t, r).Want(c.t, status).Object(c.t)
}

func TestKazoosOwnListenerIsItsServerAlone(t *testing.T) {
	r := start(t, settings(t, t.TempDir(), "dialects.kazoo.listen=127.0.0.1:0", "dialects.pywebhooks.enabled=false"))
	own := r.fronts[1].url()
	c := r.kazooLogin(t, own)
	c.call(http.StatusOK, "GET", c.account+"/webhooks", nil)
	c.call(http.StatusGone, "GET", "/v1/accounts", nil)
	if status, body := get(t, own+"/api/v1/health"); status != http.StatusOK || !strings.Contains(body, "Kazoo") {
		t.Errorf("%d %s", status, body)
	}
	c.url = r.URL()
	c.call(http.StatusOK, "GET", c.account+"/webhooks", nil)
}

func TestAKazooTokenOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	r := start(t, settings(t, dir))
	c := r.kazooLogin(t, r.URL())
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, settings(t, dir))
	if made := again.Made(); len(made.Dialects) != 0 {
		t.Errorf("credentials are made a second time: %v", made)
	}
	c.url = again.URL()
	c.call(http.StatusOK, "GET", c.account+"/webhooks", nil)
}

func TestTheLifeOfAKazooHookOverRealSockets(t *testing.T) {
	receiver := testkit.NewReceiver(t)
	r := start(t, settings(t, t.TempDir(), "dialects.kazoo.blacklist_cidrs=", "dialects.kazoo.log_successful_attempts=true"))
	c := r.kazooLogin(t, r.URL())
	hook := c.call(http.StatusCreated, "PUT", c.account+"/webhooks", map[string]any{
		"name": "users", "uri": receiver.URL(), "hook": "object", "custom_data": map[string]string{"type": "user", "action": "all"},
	})["data"].(map[string]any)["id"].(string)
	user := c.call(http.StatusCreated, "PUT", c.account+"/users", map[string]string{"first_name": "Ann"})["data"].(map[string]any)["id"].(string)
	c.call(http.StatusOK, "PATCH", c.account+"/users/"+user, map[string]string{"last_name": "Other"})
	c.call(http.StatusOK, "DELETE", c.account+"/users/"+user, nil)
	got, err := receiver.Wait(3, kazooPatience)
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]bool{}
	for _, req := range got {
		f := form(t, req.Body)
		actions[f.Get("action")] = f.Get("id") == user && req.Header.Get("X-Hook-ID") == hook
	}
	if !actions["doc_created"] || !actions["doc_edited"] || !actions["doc_deleted"] {
		t.Errorf("%v", actions)
	}

	receiver.Script("", testkit.Status(500))
	for range 6 {
		c.call(http.StatusCreated, "PUT", c.account+"/users", map[string]string{"first_name": "Bob"})
	}
	shown := func() map[string]any {
		return c.call(http.StatusOK, "GET", c.account+"/webhooks/"+hook, nil)["data"].(map[string]any)
	}
	waitFor(t, func() bool { return shown()["enabled"] == false })
	if reason := shown()["disable_reason"]; reason != "too many failed attempts" {
		t.Error(reason)
	}
	waitFor(t, func() bool {
		return len(c.call(http.StatusOK, "GET", c.account+"/webhooks/"+hook+"/attempts?filter_result=failure", nil)["data"].([]any)) == 6
	})
	receiver.Script("", testkit.Status(200))
	if got := c.call(http.StatusOK, "PATCH", c.account+"/webhooks", map[string]any{"re-enable": true})["data"]; got != "hooks updated" {
		t.Error(got)
	}
	c.call(http.StatusCreated, "PUT", c.account+"/users", map[string]string{"first_name": "Cid"})
	if _, err := receiver.Wait(10, kazooPatience); err != nil {
		t.Fatal(err)
	}
	if shown()["enabled"] != true {
		t.Error("it is not enabled again")
	}
}

// Where no server runs nothing takes in events: an operation must not wait for that.
func TestOperatorsMakeUsersWhileNoServerRuns(t *testing.T) {
	dir := t.TempDir()
	r := start(t, settings(t, dir))
	c := r.kazooLogin(t, r.URL())
	c.call(http.StatusCreated, "PUT", c.account+"/webhooks", map[string]any{"name": "all", "uri": "http://receiver.example/", "hook": "all"})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	err := Operate(t.Context(), settings(t, dir), Options{}, func(operations http.Handler) error {
		path := "/kazoo/accounts/" + strings.TrimPrefix(c.account, "/v2/accounts/") + "/users"
		_, err := client.Within(operations).Operate(t.Context(), "POST", path, strings.NewReader(`{"username":"ann","password":"secret"}`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	again := start(t, settings(t, dir))
	sum := md5.Sum([]byte("ann:secret"))
	ann := &kazooCaller{t: t, url: again.URL()}
	ann.call(http.StatusCreated, "PUT", "/v2/user_auth", map[string]any{"credentials": hex.EncodeToString(sum[:]), "account_name": "root"})
}

// What the configuration says of failures reaches hooks that were made before.
func TestNewSettingsReachOldKazooHooks(t *testing.T) {
	dir := t.TempDir()
	r := start(t, settings(t, dir))
	c := r.kazooLogin(t, r.URL())
	name := c.call(http.StatusCreated, "PUT", c.account+"/webhooks", map[string]any{"name": "all", "uri": "http://receiver.example/", "hook": "all"})["data"].(map[string]any)["id"].(string)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, settings(t, dir, "dialects.kazoo.attempt_failure_count=2", "dialects.kazoo.attempt_failure_expiry=5s"))
	waitFor(t, func() bool {
		e, _, err := again.store.EndpointByUID(t.Context(), again.root, name)
		return err == nil && e.Health.WindowFailures == 2 && e.Health.Window == 5*time.Second
	})
}
