package pywebhooks_test

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

func TestNumbersAreReadAsPythonDoes(t *testing.T) {
	w := newWorld(t)
	ask := func(start, limit string) int {
		q := url.Values{"start": {start}, "limit": {limit}}
		return w.do(w.admin, "GET", "/accounts?"+q.Encode(), "").Status
	}
	for _, text := range []string{"1", "+1", " 1", "1 ", "\t1\n", "007", "1_0", "0_1", "100", "1_0_0"} {
		if got := ask("0", text); got != 200 {
			t.Errorf("limit %q: %d", text, got)
		}
	}
	for _, text := range []string{"", "0", "-1", "101", "1.5", "1e1", "x", "0x1", "1__0", "_1", "1_", "+", "-", "+ 1", "1 0", "99999999999999999999999999"} {
		if got := ask("0", text); got != 400 {
			t.Errorf("limit %q: %d", text, got)
		}
	}
	for text, want := range map[string]int{
		"0": 200, "-0": 200, "+0": 200, "00": 200, "999999999999999": 204, "000000000000000000000000000000": 200,
		"1000000000000000": 400, "-1": 400, "": 400, "9223372036854775808": 400, "18446744073709551616": 400,
	} {
		if got := ask(text, "1"); got != want {
			t.Errorf("start %q: %d, want %d", text, got, want)
		}
	}
	for query, want := range map[string]int{
		"start=0": 400, "limit=1": 400, "": 400, "start=0&limit=1&limit=x": 200, "start=0&limit=x&limit=1": 400, "start=+0&limit=+1": 200,
	} {
		if got := w.do(w.admin, "GET", "/accounts?"+query, "").Status; got != want {
			t.Errorf("%q: %d, want %d", query, got, want)
		}
	}
}

func TestListsAreReadInWindowsOldestFirst(t *testing.T) {
	w := newWorld(t)
	user := w.join("user", w.receiver())
	var made []string
	for n := range 5 {
		made = append(made, w.register(user, strconv.Itoa(n)))
	}
	var got []string
	start := 0
	for range made {
		page := w.want(200, user, "GET", fmt.Sprintf("/webhook/registration?start=%d&limit=2", start), "")
		for _, v := range page["registrations"].([]any) {
			got = append(got, v.(object)["id"].(string))
		}
		next, more := page["next_start"]
		if !more {
			w.keys(page, "registrations")
			break
		}
		w.keys(page, "registrations", "next_start")
		start = int(next.(float64))
	}
	if fmt.Sprint(got) != fmt.Sprint(made) || start != 4 {
		t.Errorf("got %v, want %v; the last window began at %d", got, made, start)
	}
	// A full window says where to go on, also at the end, where nothing follows.
	if page := w.want(200, user, "GET", "/webhook/registrations?start=0&limit=5", ""); page["next_start"] != 5.0 {
		t.Errorf("next_start %v", page["next_start"])
	}
	empty := w.do(user, "GET", "/webhook/registrations?start=5&limit=5", "")
	if empty.Status != 204 || empty.Body != "" {
		t.Errorf("%d %q", empty.Status, empty.Body)
	}
}
