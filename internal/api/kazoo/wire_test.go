package kazoo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/testkit/rig"
)

func TestABodyIsAnEnvelope(t *testing.T) {
	w := newWorld(t)
	path := w.rootPath() + "/webhooks"
	const good = `{"data":{"name":"x","uri":"https://receiver.example/?a=1&b=2","hook":"all"}}`
	for _, kind := range []string{"", "application/json", "application/x-json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"} {
		w.want(201, "PUT", path, good, "Content-Type", kind)
	}
	w.want(201, "PUT", path, " \n"+good+"\n", "Content-Type", "application/x-www-form-urlencoded")
	for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", "x"} {
		if got := w.want(415, "PUT", path, good, "Content-Type", kind); len(got.Body) != 0 {
			t.Errorf("%s: %s", kind, got.Body)
		}
	}
	w.invalid("PUT", path, `{"name":"x"}`, "data", "required", "Field is required but missing")
	w.invalid("PUT", path, `{"data":7}`, "data", "type", "Value did not match type(s): object")
	w.invalid("PUT", path, `{"data":[]}`, "data", "type", "Value did not match type(s): object")
	for _, broken := range []string{`{"data":{}`, `{'data':{}}`, `{"data":{}} x`, "[1]", "\x00"} {
		got := w.want(400, "PUT", path, broken)
		if json := got.fields["data"].(fields)["json"]; json == nil || json.(fields)["invalid"].(fields)["target"] != "body" {
			t.Errorf("%q: %s", broken, got.Body)
		}
	}
	got := w.do("PUT", path, "a=1&b=2", "Content-Type", "application/x-www-form-urlencoded")
	if got.Status != 400 || got.fields["data"].(fields)["data"] == nil {
		t.Errorf("%s", got.Body)
	}
	w.refused(400, "parse_error", `{"message":"failed to parse request body"}`, "PUT", path, "%zz", "Content-Type", "application/x-www-form-urlencoded")
	w.invalid("PUT", path, nil, "name", "required", "Field is required but missing",
		"uri", "required", "Field is required but missing", "hook", "required", "Field is required but missing")
	w.want(413, "PUT", path, `{"data":{"x":"`+strings.Repeat("y", 8_000_000)+`"}}`)
}

func TestAVerbMayBeTunnelled(t *testing.T) {
	w := newWorld(t)
	path := w.rootPath() + "/webhooks"
	made := w.want(201, "POST", path, `{"verb":"put","data":{"name":"x","uri":"https://receiver.example/","hook":"all"}}`)
	hook := path + "/" + made.fields["data"].(fields)["id"].(string)
	if made.Header.Get("Location") != hook {
		t.Error(made.Header)
	}
	w.want(201, "POST", path, hookFields(fields{"verb": "PUT"}))
	w.want(200, "POST", hook+"?verb=get", nil)
	w.want(405, "POST", path+"?verb=delete", nil)
	w.want(200, "GET", hook+"?verb=delete", nil)
	w.want(200, "POST", hook+"?verb=Delete", nil)
	w.want(404, "GET", hook, nil)
}

func TestPathsAreForgivingAndMethodsAreNot(t *testing.T) {
	w := newWorld(t)
	path := w.hook(w.rootPath(), fields{"id": "a.b"})
	w.want(200, "GET", path+"/", nil)
	w.want(200, "GET", strings.Replace(path, "a.b", "a%2Eb", 1), nil)
	w.want(200, "GET", strings.Replace(path, "/v2", "/v17", 1), nil)
	for _, one := range [][2]string{
		{"HEAD", path},
		{"PUT", path},
		{"OPTIONS", path},
		{"POST", w.rootPath() + "/webhooks"},
		{"DELETE", w.rootPath() + "/webhooks"},
		{"POST", w.rootPath() + "/webhooks/attempts"},
		{"PATCH", w.rootPath() + "/webhooks/samples"},
		{"PUT", w.rootPath() + "/webhooks/samples/x"},
		{"DELETE", path + "/attempts"},
	} {
		if got := w.want(405, one[0], one[1], nil); got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%v: %v", one, got.Header)
		}
	}
	for _, none := range []string{"/v2", "/v2/nothing", path + "/x", path + "/attempts/x", w.rootPath() + "/x", w.rootPath() + "/descendants/webhooks/x"} {
		w.refused(404, "not_found", `{"message":"not found"}`, "GET", none, nil)
	}
	w.refused(410, "gone", `"version 1 of this API is gone; use /v2"`, "GET", "/v1/accounts", nil)
	w.want(400, "PUT", "/v1/accounts", "{")
	for _, other := range []string{"/", "/x", "/version/2", "/v", "/v2x"} {
		if got := w.want(200, "GET", other, nil); !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %v", other, got.Header)
		}
	}
}

func TestALocationHasNoEmptyPart(t *testing.T) {
	w := newWorld(t)
	made := w.want(201, "PUT", w.rootPath()+"/webhooks/", hookFields())
	if got, want := made.Header.Get("Location"), w.rootPath()+"/webhooks/"+made.fields["data"].(fields)["id"].(string); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOnlyJSONIsServed(t *testing.T) {
	w := newWorld(t)
	for _, accept := range []string{"", "*/*", "application/json", "text/html, application/*;q=0.1", "application/x-json"} {
		w.want(200, "GET", w.rootPath()+"/webhooks", nil, "Accept", accept)
	}
	for _, accept := range []string{"text/html", "text/csv, image/*", "application/json;q=0"} {
		if got := w.want(406, "GET", w.rootPath()+"/webhooks", nil, "Accept", accept); len(got.Body) != 0 {
			t.Errorf("%s", got.Body)
		}
	}
}

func TestPagesOfOtherOriginsMayAsk(t *testing.T) {
	w := newWorld(t).as("")
	path := "/v2/accounts/" + strings.Repeat("a", 32) + "/webhooks"
	got := w.want(200, "OPTIONS", path, nil, "Origin", "https://ui.example", "Access-Control-Request-Method", "PUT")
	want := map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "OPTIONS, GET, PATCH, PUT", "Access-Control-Max-Age": "86400",
	}
	for name, v := range want {
		if got.Header.Get(name) != v {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), v)
		}
	}
	for name, word := range map[string]string{"Access-Control-Allow-Headers": "X-Auth-Token", "Access-Control-Expose-Headers": "Location"} {
		if !strings.Contains(got.Header.Get(name), word) {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	if h := w.want(200, "GET", "/v2/webhooks", nil).Header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Error(h)
	}
	if h := w.want(200, "GET", "/v2/webhooks", nil, "Origin", "https://ui.example").Header; h.Get("Access-Control-Allow-Origin") != "*" {
		t.Error(h)
	}
}

func TestARequestHasAnId(t *testing.T) {
	w := newWorld(t)
	got := w.want(200, "GET", "/v2/webhooks", nil, "X-Request-ID", "mine 7")
	if got.fields["request_id"] != "mine 7" || got.Header.Get("X-Request-Id") != "mine 7" {
		t.Errorf("%v, %v", got.fields["request_id"], got.Header)
	}
	if fresh := w.want(200, "GET", "/v2/webhooks", nil).fields["request_id"].(string); len(fresh) != 32 {
		t.Error(fresh)
	}
}

func TestAnswersAreIndentedWhereAsked(t *testing.T) {
	w := newWorld(t)
	for _, got := range []answer{
		w.want(200, "GET", "/v2/webhooks?pretty_print=true", nil),
		w.want(200, "GET", "/v2/webhooks", nil, "X-Pretty-Print", "true"),
	} {
		if !strings.HasPrefix(got.Body, "{\n  \"page_size\"") {
			t.Errorf("%s", got.Body)
		}
	}
}

func TestTheCatalogueHidesWhatIsTheOperators(t *testing.T) {
	w := newWorld(t)
	names := rig.Pluck[string](w.list("/v2/webhooks"), "name")
	want := []string{
		"SMS", "Object", "Notifications Webhook", "MMS", "Channel Destroy", "Channel Create", "Channel Bridge", "Channel Answer", "Call Parking",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	sub := w.account(w.rootPath(), "sub")
	for who, hidden := range map[*world]bool{w: false, w.as(""): true, w.member(sub, "ann"): true} {
		for _, word := range []string{"system_alert", "webhook_disabled"} {
			got := who.want(200, "GET", "/v2/webhooks", nil)
			if strings.Contains(got.Body, `"`+word+`"`) == hidden {
				t.Errorf("%s is there, or is not, with hidden %v", word, hidden)
			}
		}
	}
}

func TestSamplesCanBeFiltered(t *testing.T) {
	w := newWorld(t).as("")
	want := []any{
		"webhooks_channel_answer", "webhooks_channel_bridge", "webhooks_channel_create", "webhooks_channel_destroy",
		"webhooks_notifications", "webhooks_object", "webhooks_parking",
	}
	got := w.want(200, "GET", "/v2/webhooks/samples", nil)
	if diff := cmp.Diff(want, got.fields["data"]); diff != "" || got.fields["page_size"] != nil {
		t.Errorf("%s %v", diff, got.fields["page_size"])
	}
	for path, n := range map[string]float64{
		"webhooks_parking": 1, "webhooks_object": 3, "webhooks_object?filter_action=doc_created": 1,
		"webhooks_object?filter_not_action=doc_created": 2, `webhooks_object?filter_action=["doc_edited","doc_deleted","x"]`: 2,
		"webhooks_notifications?filter_event_name=missed_call": 1, "webhooks_object?has_key=action&key_missing=nothing": 3,
		"webhooks_object?has_value=nothing": 0, "webhooks_object?value_missing=nothing": 3, "webhooks_object?missing_value=action": 0,
	} {
		path = strings.ReplaceAll(path, `"`, "%22")
		if got := w.want(200, "GET", "/v2/webhooks/samples/"+path, nil).fields["page_size"]; got != n {
			t.Errorf("%s: %v, want %v", path, got, n)
		}
	}
	w.refused(404, "bad identifier", `["webhooks_nope"]`, "GET", "/v2/webhooks/samples/webhooks_nope", nil)
}

func TestListsComeInPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		w.hook(w.rootPath(), fields{"id": name, "enabled": name != "c"})
	}
	list := w.rootPath() + "/webhooks"
	read := func(query string) (ids []string, next string) {
		got := w.want(200, "GET", list+query, nil)
		for _, v := range got.fields["data"].([]any) {
			ids = append(ids, v.(fields)["id"].(string))
		}
		next, _ = got.fields["next_start_key"].(string)
		if got.fields["page_size"] != float64(len(ids)) || got.fields["start_key"] == nil {
			t.Errorf("%s: %v, %v", query, got.fields["page_size"], got.fields["start_key"])
		}
		return ids, next
	}
	first, next := read("?page_size=2")
	second, last := read("?page_size=2&start_key=" + next)
	third, end := read("?page_size=2&start_key=" + last)
	if got := strings.Join(append(append(first, second...), third...), ""); got != "edcba" || end != "" {
		t.Error(got, end)
	}
	for query, want := range map[string]string{
		"?ascending=true": "abcde", "?descending=false&page_size=2": "ab", "?start_key=c": "cba", "?filter_enabled=false": "c",
		"?end_key=d": "ed", "?filter_name=one&filter_not_id=a": "edcb", "?filter_pvt_type=webhook&page_size=1": "e", "?page_size=50": "edcba",
	} {
		if ids, _ := read(query); strings.Join(ids, "") != want {
			t.Errorf("%s: %v, want %s", query, ids, want)
		}
	}
	id := tail(w.hook(w.rootPath())) // which could be base64, and is not
	if ids, _ := read("?page_size=1&start_key=" + id); len(ids) != 1 || ids[0] != id {
		t.Errorf("a key as it is: %v, want %s", ids, id)
	}
	w.want(200, "DELETE", list+"/"+id, nil)
	got := w.want(200, "GET", list+"?paginate=false&page_size=1", nil)
	if n := len(got.fields["data"].([]any)); n != 5 || got.fields["page_size"] != nil || got.fields["start_key"] != nil {
		t.Errorf("%s", got.Body)
	}
	w.refused(404, "faulty_request", `{"message":"invalid page size"}`, "GET", list+"?page_size=x", nil)
	for _, n := range []string{"0", "-1"} {
		w.refused(404, "faulty_request", `{"message":"page size must be at least 1"}`, "GET", list+"?page_size="+n, nil)
	}
}

func TestABodyOfManySmallPartsCostsWhatItWeighs(t *testing.T) {
	w := newWorld(t)
	many := func(prefix string) string {
		var b strings.Builder
		for i := range 150_000 {
			fmt.Fprintf(&b, `"%s%d":1,`, prefix, i)
		}
		return b.String()
	}
	body := `{` + many("a") + `"data":{"custom_data":{` + many("b") + `"x":1},` + many("c") + `"name":"x"}}`
	got := w.want(400, "PUT", w.rootPath()+"/webhooks", body)
	if len(got.Body) > 100_000 || !strings.Contains(got.Body, "custom_data.b7") {
		t.Errorf("the answer has %d bytes", len(got.Body))
	}
	path := w.hook(w.rootPath())
	got = w.want(413, "PATCH", path, `{"data":{`+many("d")+`"x":1}}`)
	if !strings.Contains(got.Body, "annotations") && !strings.Contains(got.Body, "bytes") {
		t.Errorf("%s", got.Body)
	}
}
