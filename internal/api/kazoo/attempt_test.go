package kazoo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/api/kazoo"
	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/testkit/rig"
)

// attempts waits until a hook has so many attempts.
func (w *world) attempts(n int, path string) []fields {
	w.Helper()
	return w.until(path, func(list []fields) bool { return len(list) == n })
}

func TestAttemptsOfAHookAndOfTheAccountAreListed(t *testing.T) {
	w := newWorld(t)
	w.clock.move(time.Minute) // to where the engine's will not come
	w.receiver.Play("/bad", 500)
	w.receiver.Play("/refused", 0)
	good := w.hook(w.rootPath(), fields{"id": "good"})
	w.fire(w.rootPath())
	w.attempts(1, good+"/attempts")
	w.data(200, "PATCH", good, fields{"enabled": false})
	bad := w.hook(w.rootPath(), fields{"id": "bad", "uri": "https://receiver.example/bad", "http_verb": "put", "retries": 3})
	refused := w.hook(w.rootPath(), fields{"id": "refused", "uri": "https://receiver.example/refused"})
	w.fire(w.rootPath())

	all := w.attempts(4, w.rootPath()+"/webhooks/attempts")
	if got := rig.Pluck[string](all, "hook_id"); got[3] != "good" || !slices.Contains(got, "bad") {
		t.Error(got)
	}
	got := w.attempts(1, bad+"/attempts")[0]
	want := fields{
		"hook_id": "bad", "hook_event": "CHANNEL_CREATE", "event_id": got["event_id"], "uri": "https://receiver.example/bad", "method": "put",
		"req_headers": got["req_headers"], "req_body": got["req_body"], "result": "failure", "reason": "bad response code",
		"resp_status_code": "500", "resp_headers": fields{"x-answer": "yes"}, "resp_body": "thanks",
		"try": 3.0, "retries_left": 2.0, "timestamp": got["timestamp"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	two := w.attempts(2, refused+"/attempts?ascending=true")
	if left := rig.Pluck[any](two, "retries_left"); two[0]["client_error"] == nil || left[0] != 2.0 || left[1] != "retries exceeded" {
		t.Error(two)
	}
	if done := w.attempts(1, good+"/attempts")[0]; done["result"] != "success" || done["resp_status_code"] != "200" {
		t.Error(done)
	}

	w.data(200, "DELETE", bad, nil)
	w.attempts(1, bad+"/attempts")
	w.attempts(0, w.rootPath()+"/webhooks/nobody/attempts")
	sub := w.account(w.rootPath(), "sub")
	w.attempts(0, sub+"/webhooks/bad/attempts")
}

func TestSuccessesAreListedOnlyWhereTheyAreLogged(t *testing.T) {
	w := newWorld(t, func(o *kazoo.Options) { o.LogSuccessful = false })
	w.clock.move(time.Minute)
	w.receiver.Play("/bad", 404)
	w.hook(w.rootPath())
	w.hook(w.rootPath(), fields{"uri": "https://receiver.example/bad"})
	w.fire(w.rootPath())
	w.attempts(1, w.rootPath()+"/webhooks/attempts")
}

func TestAttemptsComeInPages(t *testing.T) {
	w := newWorld(t)
	w.clock.move(time.Minute)
	path := w.hook(w.rootPath())
	for range 5 {
		w.fire(w.rootPath())
	}
	all := rig.Pluck[string](w.attempts(5, path+"/attempts"), "event_id")
	var got []string
	for next := ""; ; {
		page := w.want(200, "GET", path+"/attempts?page_size=2&start_key="+next, nil)
		for _, v := range page.fields["data"].([]any) {
			got = append(got, v.(fields)["event_id"].(string))
		}
		if page.fields["start_key"] == nil {
			t.Errorf("%s", page.Body)
		}
		if next, _ = page.fields["next_start_key"].(string); next == "" {
			break
		}
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Error(diff)
	}
	up := rig.Pluck[string](w.list(path+"/attempts?ascending=true"), "event_id")
	slices.Reverse(up)
	if diff := cmp.Diff(all, up); diff != "" {
		t.Error(diff)
	}
	if n := len(w.list(path + "/attempts?filter_event_id=" + all[2])); n != 1 {
		t.Error(n)
	}
}

func TestAttemptsAreThoseOfAWindow(t *testing.T) {
	w := newWorld(t)
	w.clock.move(time.Minute)
	path := w.hook(w.rootPath())
	w.fire(w.rootPath())
	at := int64(w.attempts(1, path+"/attempts")[0]["timestamp"].(float64))
	now := hook.Gregorian(w.clock.time())
	for query, n := range map[string]int{
		fmt.Sprintf("created_from=%d&created_to=%d", at, at):          1,
		fmt.Sprintf("created_from=%d&created_to=%d", at+1, at+60):     0,
		fmt.Sprintf("created_from=%d&created_to=%d", at-60, at-1):     0,
		fmt.Sprintf("created_from=%d", at-10):                         1,
		fmt.Sprintf("created_from=%d&created_to=%d", at-2682000, at):  1,
		fmt.Sprintf("created_to=%d", at-10):                           0,
		fmt.Sprintf("created_from=%d&filter_result=failure", at-1000): 0,
	} {
		if got := len(w.list(path + "/attempts?" + query)); got != n {
			t.Errorf("%s: %d, want %d", query, got, n)
		}
	}
	for _, query := range []string{
		fmt.Sprintf("created_from=%d&created_to=%d", at, at-1),
		fmt.Sprintf("created_from=%d", now-31*86400-3601),
		"created_from=x", "created_to=x",
	} {
		got := w.want(400, "GET", path+"/attempts?"+query, nil)
		if got.fields["data"].(fields)["created_from"].(fields)["date_range"].(fields)["cause"] == nil {
			t.Errorf("%s: %s", query, got.Body)
		}
	}
}

// failing makes a hook that has disabled itself and returns its path.
func (w *world) failing(account, name string) string {
	w.Helper()
	w.receiver.Play("/bad", 500)
	path := w.hook(account, fields{"id": name, "uri": "https://receiver.example/bad"})
	for range 6 {
		w.fire(account)
	}
	w.until(account+"/webhooks", func(list []fields) bool {
		return slices.ContainsFunc(list, func(h fields) bool { return h["id"] == name && h["enabled"] == false })
	})
	return path
}

func TestAHookThatKeepsFailingIsDisabledUntilSomeoneEnablesIt(t *testing.T) {
	w := newWorld(t)
	w.clock.move(time.Minute)
	path := w.failing(w.rootPath(), "h")
	const reason = "too many failed attempts"
	if got := w.list(w.rootPath() + "/webhooks")[0]; got["disable_reason"] != reason {
		t.Error(got)
	}
	if got := w.data(200, "GET", path, nil); got["disable_reason"] != reason || got["enabled"] != false {
		t.Error(got)
	}
	if n := len(w.list(w.rootPath() + "/webhooks?filter_pvt_disabled_message=too%20many%20failed%20attempts")); n != 1 {
		t.Error(n)
	}
	got := w.data(200, "PATCH", path, fields{"name": "two"}) // which leaves it off
	if got["enabled"] != false || got["disable_reason"] != reason {
		t.Error(got)
	}
	got = w.data(200, "PATCH", path, fields{"enabled": true})
	if _, there := got["disable_reason"]; there || got["enabled"] != true {
		t.Error(got)
	}
	w.fire(w.rootPath()) // it has its whole allowance again
	w.attempts(7, path+"/attempts")
	if got := w.data(200, "GET", path, nil); got["enabled"] != true {
		t.Error(got)
	}
}

func TestAPostWithoutEnabledEnables(t *testing.T) {
	w := newWorld(t)
	path := w.failing(w.rootPath(), "h")
	got := w.data(200, "POST", path, hookFields())
	if _, there := got["disable_reason"]; there || got["enabled"] != true {
		t.Error(got)
	}
}

func TestWhatDisabledItselfIsEnabledInBulk(t *testing.T) {
	w := newWorld(t)
	sub := w.account(w.rootPath(), "sub")
	below := w.account(sub, "below")
	paths := []string{w.failing(w.rootPath(), "a"), w.failing(sub, "b"), w.failing(below, "c")}
	off := w.hook(sub, fields{"enabled": false})
	enabled := func() (got []any) {
		for _, path := range append(paths, off) {
			got = append(got, w.data(200, "GET", path, nil)["enabled"])
		}
		return got
	}
	w.invalid("PATCH", sub+"/webhooks", fields{}, "re-enable", "required", "re-enable is required to patch collections")
	w.refused(400, "validation error",
		`{"re-enable":{"enum":{"message":"value not found in enumerated list of values","target":[true]}}}`,
		"PATCH", sub+"/webhooks", fields{"re-enable": false})
	for _, step := range []struct {
		path string
		yes  any
		want []any
	}{
		{sub + "/webhooks", true, []any{false, true, false, false}},
		{sub + "/descendants/webhooks", "true", []any{false, true, true, false}},
		{w.rootPath() + "/descendants/webhooks", true, []any{true, true, true, false}},
		{w.rootPath() + "/descendants/webhooks", true, []any{true, true, true, false}},
	} {
		got := w.want(200, "PATCH", step.path, fields{"re-enable": step.yes})
		if got.fields["data"] != "hooks updated" {
			t.Errorf("%s", got.Body)
		}
		if diff := cmp.Diff(step.want, enabled()); diff != "" {
			t.Errorf("%s: %s", step.path, diff)
		}
	}
}

func TestSettingsOfAnAccountWinOverTheSystems(t *testing.T) {
	w := newWorld(t, func(o *kazoo.Options) { o.Settings = kazoo.Settings{FailureCount: 3, FailureExpiry: time.Hour} })
	w.clock.move(time.Minute)
	sub := w.account(w.rootPath(), "sub")
	w.receiver.Play("/bad", 500)
	failAt := func(account string) int {
		path := w.hook(account, fields{"uri": "https://receiver.example/bad"})
		for n := 1; ; n++ {
			w.fire(account)
			w.attempts(n, path+"/attempts")
			if w.data(200, "GET", path, nil)["enabled"] == false {
				w.data(200, "DELETE", path, nil)
				return n
			}
		}
	}
	if n := failAt(sub); n != 3 {
		t.Errorf("disabled after %d failures, want 3", n)
	}
	w.data(200, "PATCH", sub, fields{"configs_webhooks": fields{"attempt_failure_count": 2}})
	if n := failAt(sub); n != 2 {
		t.Errorf("disabled after %d failures, want 2", n)
	}
	w.data(200, "PATCH", sub, fields{"configs_webhooks": fields{"attempt_failure_count": "many"}})
	if n := failAt(sub); n != 3 {
		t.Errorf("disabled after %d failures, want 3", n)
	}
}
