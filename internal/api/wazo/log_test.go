package wazo_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheLogHasARowForEachAttempt(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	event := `{"name": "user_created", "play": ["retry", "delivered"], "data": {"n": 1.0}}`
	w.happen(w.master, "user_created", event, nil)
	rows := w.log(uuid, 2, "?order=attempts&direction=asc")
	for i, row := range rows {
		w.same(len(row), 8)
		w.same(row["event"], any(object{"name": "user_created", "play": []any{"retry", "delivered"}, "data": object{"n": 1.0}}))
		w.same([]any{row["attempts"], row["max_attempts"], row["uuid"]}, []any{float64(i + 1), 3.0, rows[0]["uuid"]})
		for _, at := range []string{"started_at", "ended_at"} {
			if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$`).MatchString(row[at].(string)) {
				t.Errorf("%s is %v", at, row[at])
			}
		}
		if row["ended_at"].(string) < row["started_at"].(string) {
			t.Errorf("it ended before it started: %v", row)
		}
	}
	w.same([]any{rows[0]["status"], rows[0]["detail"]}, []any{"failure", object{"error": "refused"}})
	w.same([]any{rows[1]["status"], rows[1]["detail"]}, []any{"success", object{"request_method": "POST", "response_body": "<&>"}})
}

func TestADetailIsAnObjectWhateverTheServiceSays(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	for _, c := range []struct {
		play   string
		detail object
	}{
		{`["rejected"]`, object{"error": "a template is wrong"}},
		{`["gone"]`, object{"error": "status 410"}},
	} {
		w.happen(w.master, "user_created", `{"play":`+c.play+`}`, nil)
	}
	rows := w.log(uuid, 2, "?direction=asc")
	w.same([]any{rows[0]["status"], rows[0]["detail"]}, []any{"error", object{"error": "a template is wrong"}})
	w.same([]any{rows[1]["status"], rows[1]["detail"]}, []any{"error", object{"error": "status 410"}})
	if rows[0]["uuid"] == rows[1]["uuid"] {
		t.Error("two deliveries have one UUID")
	}
}

func TestTheLastFailureIsAnError(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	w.happen(w.master, "user_created", `{"play":["retry"]}`, nil)
	rows := w.log(uuid, 3, "?order=started_at&direction=asc")
	var statuses []any
	for _, row := range rows {
		statuses = append(statuses, row["status"])
	}
	w.same(statuses, []any{"failure", "failure", "error"})
}

func TestTheLogIsOrderedAndCut(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	w.happen(w.master, "user_created", `{"play":["retry","retry","rejected"]}`, nil)
	w.log(uuid, 3, "")
	w.happen(w.master, "user_created", `{}`, nil)
	all := w.log(uuid, 4, "?direction=asc")
	places := func(rows []object) string {
		var b strings.Builder
		for _, row := range rows {
			fmt.Fprint(&b, slices.IndexFunc(all, func(one object) bool { return one["started_at"] == row["started_at"] }))
		}
		return b.String()
	}
	from := url.QueryEscape(all[2]["started_at"].(string))
	naive := strings.TrimSuffix(all[2]["started_at"].(string), "+00:00")
	for query, want := range map[string]string{
		"":                                    "3210",
		"order=started_at&direction=asc":      "0123",
		"order=ended_at&direction=asc":        "0123",
		"order=ended_at":                      "3210",
		"order=status&direction=asc":          "3012",
		"order=status":                        "2103",
		"order=attempts&direction=asc":        "0312",
		"order=max_attempts&direction=asc":    "0123",
		"limit=0":                             "",
		"limit=2":                             "32",
		"limit=2&offset=1":                    "21",
		"offset=3":                            "0",
		"offset=4":                            "",
		"order=ended_at&limit=2&offset=1":     "21",
		"from_date=" + from:                   "32",
		"from_date=" + naive:                  "32",
		"from_date=2001-01-01T00:00:00Z":      "3210",
		"from_date=2999-01-01T00:00&search=x": "",
		"unknown=1":                           "3210",
		"offset=99999999999999999999":         "",
		"limit=99999999999999999999&offset=2": "10",
	} {
		if got := places(w.items(w.want(200, "GET", "/subscriptions/"+uuid+"/logs?"+query, nil))); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestWhatALogCannotBeAskedFor(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	orders := []any{"started_at", "ended_at", "status", "attempts", "max_attempts"}
	enum := func(choices ...any) any {
		var texts []string
		for _, c := range choices {
			texts = append(texts, c.(string))
		}
		return []any{object{
			"message": "Must be one of: " + strings.Join(texts, ", ") + ".", "constraint_id": "enum", "constraint": object{"choices": choices},
		}}
	}
	number := object{"message": "Not a valid integer.", "constraint_id": "type", "constraint": "integer"}
	below := []any{object{"message": "Must be greater than or equal to 0.", "constraint_id": "range", "constraint": object{"min": 0.0}}}
	date := object{"message": "Not a valid datetime.", "constraint_id": "type", "constraint": "datetime"}
	for query, want := range map[string]object{
		"order=":                              {"order": enum(orders...)},
		"order=uuid":                          {"order": enum(orders...)},
		"direction=DESC":                      {"direction": enum("asc", "desc")},
		"limit=-1":                            {"limit": below},
		"limit=x":                             {"limit": number},
		"limit=":                              {"limit": number},
		"offset=-5&limit=1.5":                 {"offset": below, "limit": number},
		"from_date=2020-01-01":                {"from_date": date},
		"from_date=1700000000":                {"from_date": date},
		"from_date=2020-02-30T00:00:00":       {"from_date": date},
		"from_date=2020-01-01T00:00:00+01:00": {"from_date": date}, // the plus is a blank
		"from_date=2020-01-01T25:00:00":       {"from_date": date},
		"from_date=":                          {"from_date": date},
		"from_date=" + strings.Repeat("1", 10_000): {"from_date": date},
	} {
		w.same(w.refused(400, "invalid-data", "GET", "/subscriptions/"+uuid+"/logs?"+query, nil), want)
		w.refused(400, "invalid-data", "GET", "/subscriptions/"+nowhere+"/logs?"+query, nil) // before it is looked up
	}
}

func TestRowsBeginWhenTheyBegan(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(nil)
	before := time.Now().UTC().Truncate(time.Microsecond)
	w.happen(w.master, "user_created", `{}`, nil)
	row := w.log(uuid, 1, "")[0]
	at, err := time.Parse(time.RFC3339Nano, row["started_at"].(string))
	w.must(err)
	if at.Before(before) || at.After(time.Now()) {
		t.Errorf("it began at %v, not after %v", at, before)
	}
}

func TestPendingDeliveriesOutliveAChangeAndNotADeletion(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(object{"events": []string{"a", "global_voicemail_message_created"}, "events_user_uuid": alice})
	w.happen(w.master, "a", `{"play":["retry","delivered"]}`, object{"user_uuid:" + alice: true})
	w.log(uuid, 1, "")
	w.want(200, "PUT", "/subscriptions/"+uuid, body(object{"events": []string{}}))
	w.same(w.log(uuid, 2, "?order=attempts")[0]["status"], any("success"))
	w.happen(w.master, "a", `{}`, object{"user_uuid:" + alice: true})
	w.want(200, "PUT", "/subscriptions/"+uuid, body(object{"events": []string{"b"}}))
	w.happen(w.master, "b", `{}`, nil)
	w.same(len(w.log(uuid, 3, "")), 3)
}

func TestWhatNobodyTriesHasNoLog(t *testing.T) {
	w := newWorld(t)
	uuid := w.subscribe(object{"service": "comes-later", "config": object{}})
	w.happen(w.master, "user_created", `{}`, nil)
	w.same(w.want(200, "GET", "/subscriptions/"+uuid+"/logs", nil), object{"items": []any{}, "total": 0.0})
	w.refused(400, "invalid-data", "GET", "/subscriptions/"+uuid+"/logs?limit=x", nil)
}
