package wazo

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	dialect "github.com/switchhook/switchhook/internal/wazo"
	"github.com/switchhook/switchhook/internal/webhook"
)

func FuzzSubscriptions(f *testing.F) {
	for _, text := range []string{
		`{"name":"n","service":"http","events":["a"],"config":{"url":"u","method":"GET","verify_certificate":"/x"},"metadata":{"a":1.50,"b":null}}`,
		`{"name":"n","service":"x","events":[],"config":{"k":"v"},"events_user_uuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}`,
		`{"name":"n","service":"free","events":["*","%2A","\u0007"],"config":{"k":[1,{"x":null}]}}`,
		`{"service":{},"config":[]}`, `[]`, `{"name":"\u0000","events":[null,1,"\ud800"]}`,
	} {
		f.Add([]byte(text))
	}
	free := func(service string) bool { return service == "free" }
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decode(text)
		if err != nil {
			return
		}
		d, err := readSubscription(v, false, free)
		if err != nil {
			if _, err := encode(err.(*refusal).details); err != nil {
				t.Fatal(err)
			}
			return
		}
		e := webhook.Endpoint{}
		if err := d.Onto(&e); err != nil {
			t.Fatal(err)
		}
		got, err := dialect.DocumentOf(&e)
		if err != nil {
			t.Fatal(err)
		}
		d.UUID = got.UUID
		if diff := cmp.Diff(d, got); diff != "" {
			t.Fatal(diff)
		}
		// What was kept is taken again, and is the same.
		text, err = encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = decode(text); err != nil {
			t.Fatal(err)
		}
		again, err := readSubscription(v, false, free)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err.(*refusal).details)
		}
		again.UUID = got.UUID
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatal(diff)
		}
		for _, filter := range got.Filters(true) {
			for _, name := range filter.Types {
				if name == "" || strings.Contains(name, "*") {
					t.Fatalf("type %q is a pattern", name)
				}
			}
		}
	})
}

func FuzzOtherBodies(f *testing.F) {
	for _, text := range []string{
		`[{"op":"replace","path":"/debug","value":true}]`, `[{}]`, `[null,5,{"op":[]}]`,
		`{"notification_type":"a","user_uuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","title":"t","body":"b","extra":{"x":[1]}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decode(text)
		if err != nil {
			return
		}
		if values, err := readPatch(v); err == nil && len(values) != len(v.([]any)) {
			t.Fatalf("%d values of %s", len(values), text)
		}
		n, err := readNotification(v)
		if err == nil && (utf8.RuneCountInString(n.UserUUID) != uuidLength || !json.Valid(n.Extra) || n.Type == "") {
			t.Fatalf("notification is %+v", n)
		}
	})
}

func FuzzQueries(f *testing.F) {
	f.Add("order=status&direction=asc&limit=5&offset=1&from_date=2020-01-01T00:00:00.5%2B01:00")
	f.Add("recurse=yes&search_metadata=a:b&search_metadata=c")
	f.Add("from_date=9999-12-31T23:59:59-23:59&limit=99999999999999999999")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: "/", RawQuery: query}
		if _, err := readListQuery(r); err != nil {
			_ = err.(*refusal)
		}
		q, limit, err := readLogQuery(r)
		if err == nil && (limit < -1 || q.Window.Start < 0) {
			t.Fatalf("limit %d, offset %d", limit, q.Window.Start)
		}
	})
}

func FuzzAccess(f *testing.F) {
	f.Add("a.*.#|!me", "a.b.c")
	f.Fuzz(func(t *testing.T, entries, access string) {
		list := acl(strings.Split(entries, "|"))
		granted := list.allows(access, "user")
		if granted && append(list, "!#").allows(access, "user") && !strings.ContainsAny(access, "\n") {
			t.Fatal("what is denied is granted")
		}
	})
}

func FuzzExtra(f *testing.F) {
	f.Add([]byte(`{"detail":{"a":1}}`), "why")
	f.Add([]byte(`{"detail":[1]}`), "\xff")
	f.Fuzz(func(t *testing.T, extra []byte, detail string) {
		got := detailOf(&webhook.Outcome{Extra: extra, Detail: detail})
		if !json.Valid(got) || !bytes.HasPrefix(got, []byte("{")) {
			t.Fatalf("detail is %s", got)
		}
	})
}
