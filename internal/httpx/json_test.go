package httpx_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/webhook"
)

// order is a request with a member of every kind.
type order struct {
	Name    string
	Note    httpx.Opt[string]
	Count   int
	Open    bool
	At      time.Time
	Labels  map[string]string
	Tags    []string
	Payload string
	Street  string
}

func readOrder(body string) (order, error) {
	var in order
	o := httpx.ReadObject([]byte(body))
	for name, v := range o.Members {
		switch string(name) {
		case "name":
			in.Name = v.Line()
		case "note":
			in.Note = httpx.Optional(v, httpx.Value.Text)
		case "count":
			in.Count = v.Int(0, 100)
		case "open":
			in.Open = v.Bool()
		case "at":
			in.At = v.Time()
		case "labels":
			in.Labels = v.Strings(3)
		case "tags":
			in.Tags = v.Lines(3, func(s string) string {
				if s == "bad" {
					return "is bad"
				}
				return ""
			})
		case "payload":
			in.Payload = string(v.Raw)
		case "address":
			address := v.Object()
			for name, v := range address.Members {
				switch string(name) {
				case "street":
					in.Street = v.Line()
				default:
					v.Unknown()
				}
			}
		default:
			v.Unknown()
		}
	}
	return in, o.Err()
}

func TestMembersAreReadAsWhatTheyAre(t *testing.T) {
	got, err := readOrder(` { "name" : "caf\u00e9 \ud83d\ude00", "note":null,"count":7,"open":true,
		"at":"2026-01-31T13:00:00.5+01:00","labels":{"a":"1\n2"},"tags":["x","y","x"],
		"payload": {"b" : [1, 2.50e-1, {}, "\""]} ,"address":{"street":"S"}, "unknown":null} `)
	if err != nil {
		t.Fatal(err)
	}
	want := order{
		Name: "café 😀", Note: httpx.Opt[string]{Set: true, Null: true}, Count: 7, Open: true,
		At:     time.Date(2026, 1, 31, 12, 0, 0, 500_000_000, time.UTC),
		Labels: map[string]string{"a": "1\n2"}, Tags: []string{"x", "y"},
		Payload: `{"b" : [1, 2.50e-1, {}, "\""]}`, Street: "S",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheLastOfEqualMembersCounts(t *testing.T) {
	got, err := readOrder(`{"count":1,"count":2}`)
	if err != nil || got.Count != 2 {
		t.Errorf("count %d, %v", got.Count, err)
	}
}

func TestNoBodyReadsLikeAnEmptyObject(t *testing.T) {
	for _, body := range []string{"", " \n", "{}", " { } "} {
		if _, err := readOrder(body); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for body, want := range map[string]string{
		`{"nope":1}`:                               "nope",
		`{"address":{"nope":1}}`:                   "address.nope",
		`{"address":[]}`:                           "address",
		`{"address":{"street":1}}`:                 "address.street",
		`{"name":7}`:                               "name",
		`{"name":null}`:                            "name",
		`{"name":"a\u0000b"}`:                      "name",
		`{"name":"a\nb"}`:                          "name",
		`{"name":"\ud800"}`:                        "name",
		`{"name":"\ud800\u0041"}`:                  "name",
		`{"note":"a\u0007b"}`:                      "note",
		`{"count":-1}`:                             "count",
		`{"count":101}`:                            "count",
		`{"count":1.5}`:                            "count",
		`{"count":1e2}`:                            "count",
		`{"count":"1"}`:                            "count",
		`{"count":99999999999999999999}`:           "count",
		`{"open":1}`:                               "open",
		`{"at":"yesterday"}`:                       "at",
		`{"at":"2026-01-31"}`:                      "at",
		`{"at":5}`:                                 "at",
		`{"labels":{"a":1}}`:                       "labels.a",
		`{"labels":{"a\u0000":"1"}}`:               "labels.a\x00",
		`{"labels":[]}`:                            "labels",
		`{"labels":{"a":"","b":"","c":"","d":""}}`: "labels.d",
		`{"tags":["a",2]}`:                         "tags.1",
		`{"tags":["a","bad"]}`:                     "tags.1",
		`{"tags":["a","b","c","d"]}`:               "tags.3",
		`{"tags":{}}`:                              "tags",
		`{"unknown":{}}`:                           "unknown",
		// Not JSON, or not an object: the body as a whole.
		`[]`:                     "",
		`null`:                   "",
		`"x"`:                    "",
		`7`:                      "",
		`{"name":"x"`:            "",
		`{"name":"x"}}`:          "",
		`{"name":"x"} x`:         "",
		`{"name":"x",}`:          "",
		`{,}`:                    "",
		`{"name"}`:               "",
		`{"name":}`:              "",
		`{name:1}`:               "",
		`{'name':1}`:             "",
		`{"payload":01}`:         "",
		`{"payload":+1}`:         "",
		`{"payload":1.}`:         "",
		`{"payload":tru}`:        "",
		`{"payload":NaN}`:        "",
		`{"payload":"\x"}`:       "",
		`{"payload":"\u12g4"}`:   "",
		"{\"payload\":\"a\nb\"}": "",
		"{\"payload\":\"\x00\"}": "",
		"{\"payload\":\"\xff\"}": "",
		"\xef\xbb\xbf{}":         "",
		`{"\ud800":1}`:           "",
		`{"payload":` + strings.Repeat("[", 501) + strings.Repeat("]", 501) + `}`: "",
		strings.Repeat(`{"payload":`, 100_000):                                    "",
	} {
		_, err := readOrder(body)
		if e, ok := err.(*webhook.Error); !ok || e.Code != webhook.CodeInvalid || e.Field != want {
			t.Errorf("%.60q: %v, want field %q", body, err, want)
		}
	}
}

// member reads the only member that an object may have.
func member(v httpx.Value, want string) (s string) {
	for name, v := range v.Object().Members {
		if string(name) != want {
			v.Unknown()
			continue
		}
		s = v.Line()
	}
	return s
}

func TestArraysAreReadElementByElement(t *testing.T) {
	var got []string
	read := func(body string) error {
		got = nil
		return httpx.ReadArray([]byte(body), func(v httpx.Value) { got = append(got, member(v, "n")) })
	}
	if err := read(` [ {"n":"1"} , {"n":"2"}] `); err != nil || !cmp.Equal(got, []string{"1", "2"}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := read(" []"); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	for body, want := range map[string]string{
		``: "", `{}`: "", `null`: "", `[`: "", `[{}`: "", `[{},]`: "", `[{}] x`: "", `[{} {}]`: "", "[\"\xff\"]": "",
		`[{"n":"1"},7]`: "1", `[{"n":"1"},{"n":2}]`: "1.n", `[{"x":1}]`: "0.x",
	} {
		e, ok := read(body).(*webhook.Error)
		if !ok || e.Code != webhook.CodeInvalid || e.Field != want {
			t.Errorf("%q: %v, want field %q", body, e, want)
		}
	}
}

// FuzzCheckJSON compares with the standard library, which knows no bound of ours.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"x\u00e9\n"]}`, `[]`, ` 1 `, `"`, `{"a":1,}`, `-`, `1e`, "\"\x1f\"", `"aaaaaaaa\"aaaaaaaa"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := httpx.CheckJSON(b)
		if valid := json.Valid(b); valid != (err == nil) && bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) < httpx.MaxDepth {
			t.Fatalf("%q: valid %v, but %v", b, valid, err)
		}
	})
}

// FuzzReadObject holds what is read against the standard library's reading.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"name":"x\ud83d\ude00","count":5,"payload":{"a":[1,2]},"tags":["a"],"address":{"street":"s"}}`))
	f.Add([]byte(`{"labels":{"a":"b"},"at":"2026-01-31T12:00:00Z","open":false}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readOrder(string(b))
		if err != nil {
			if webhook.CodeOf(err) != webhook.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		if len(bytes.TrimSpace(b)) == 0 {
			return
		}
		if !utf8.Valid(b) {
			t.Fatalf("%q is not UTF-8", b)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		var name string
		if raw, ok := want["name"]; ok && (json.Unmarshal(raw, &name) != nil || name != got.Name) {
			t.Fatalf("name %q, not %q", got.Name, raw)
		}
		if string(want["payload"]) != got.Payload {
			t.Fatalf("payload %q, not %q", got.Payload, want["payload"])
		}
	})
}

func BenchmarkReadObject(b *testing.B) {
	body := []byte(`{"name":"order.created","payload":{"text":"` + strings.Repeat("0123456789abcde ", 60) + `"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in order
		o := httpx.ReadObject(body)
		for name, v := range o.Members {
			switch string(name) {
			case "name":
				in.Name = v.Line()
			case "payload":
				in.Payload = ""
			}
		}
		if o.Err() != nil {
			b.Fatal(o.Err())
		}
	}
}

func BenchmarkStandardLibrary(b *testing.B) {
	body := []byte(`{"name":"order.created","payload":{"text":"` + strings.Repeat("0123456789abcde ", 60) + `"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in struct {
			Name    string
			Payload json.RawMessage
		}
		if err := json.Unmarshal(body, &in); err != nil {
			b.Fatal(err)
		}
	}
}
