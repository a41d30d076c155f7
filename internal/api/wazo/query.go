package wazo

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/control"
	dialect "github.com/switchhook/switchhook/internal/wazo"
)

// listQuery is what a list of subscriptions can be asked for.
type listQuery struct {
	recurse  bool
	metadata map[string]string // that must all be there
}

func readListQuery(r *http.Request) (*listQuery, error) {
	values := r.URL.Query()
	f := queryForm(values)
	q := &listQuery{recurse: f.boolean("recurse"), metadata: map[string]string{}}
	for _, term := range values["search_metadata"] {
		if key, value, ok := strings.Cut(term, ":"); ok {
			q.metadata[key] = value
		}
	}
	return q, f.err()
}

func (q *listQuery) wants(d *dialect.Document) bool {
	for key, want := range q.metadata {
		if got := d.Metadata[key]; got == nil || *got != want {
			return false
		}
	}
	return true
}

// queryForm is a form over the parameters of a query; of one that is there several
// times the first counts.
func queryForm(values url.Values) *form {
	f := &form{in: map[string]any{}, details: map[string]any{}}
	for name, all := range values {
		f.in[name] = all[0]
	}
	return f
}

// parameter returns the text of a parameter.
func (f *form) parameter(name string) (text string, ok bool) {
	text, ok = f.in[name].(string)
	return text, ok
}

// truth reads one of the words that Wazo's clients write for true and false.
func truth(word string) (value, ok bool) {
	switch word {
	case "t", "T", "true", "True", "TRUE", "on", "On", "ON", "y", "Y", "yes", "Yes", "YES", "1":
		return true, true
	case "f", "F", "false", "False", "FALSE", "off", "Off", "OFF", "n", "N", "no", "No", "NO", "0":
		return false, true
	}
	return false, false
}

func (f *form) boolean(name string) bool {
	text, ok := f.parameter(name)
	if !ok {
		return false
	}
	value, ok := truth(text)
	if !ok {
		f.wrongType(name, "boolean", "boolean")
	}
	return value
}

// natural reads a number that is not negative; -1 is none.
func (f *form) natural(name string) int {
	text, ok := f.parameter(name)
	if !ok {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if errors.Is(err, strconv.ErrRange) { // n is then the greatest or the least
		err = nil
	}
	switch {
	case err != nil:
		f.wrongType(name, "integer", "integer")
	case n < 0:
		f.list(name, "Must be greater than or equal to 0.", "range", map[string]any{"min": 0})
	default:
		return n
	}
	return -1
}

// choice reads one of some words.
func (f *form) choice(name, otherwise string, choices ...string) string {
	text, ok := f.parameter(name)
	if !ok {
		return otherwise
	}
	if !slices.Contains(choices, text) {
		f.list(name, "Must be one of: "+strings.Join(choices, ", ")+".", "enum", map[string]any{"choices": choices})
	}
	return text
}

// dateTime is ISO 8601 with a date and a time: year to day, hours and minutes, then
// perhaps seconds, a fraction, and a zone.
const dateTime = `^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6})\d{0,6})?)?(?:(Z)|([+-])(\d{2}):?(\d{2})?)?$`

// moment reads a date with a time; without a zone it is UTC.
func (f *form) moment(name string) time.Time {
	text, ok := f.parameter(name)
	if !ok {
		return time.Time{}
	}
	t, err := parseMoment(text)
	if err != nil {
		f.wrongType(name, "datetime", "datetime")
	}
	return t
}

func parseMoment(text string) (time.Time, error) {
	bad := fmt.Errorf("%q is no date with a time", text)
	if len(text) > 64 {
		return time.Time{}, bad
	}
	m := regexp.MustCompile(dateTime).FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, bad
	}
	n := make([]int, len(m))
	for i, digits := range m {
		n[i], _ = strconv.Atoi(digits) // empty is 0
	}
	micros, _ := strconv.Atoi((m[7] + "000000")[:6])
	zone := (n[10]*60 + n[11]) * 60
	if m[9] == "-" {
		zone = -zone
	}
	t := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], micros*1000, time.FixedZone("", zone))
	if t.Year() != n[1] || int(t.Month()) != n[2] || t.Day() != n[3] || t.Hour() != n[4] || t.Minute() != n[5] || t.Second() != n[6] ||
		n[11] > 59 || n[10] > 23 {
		return time.Time{}, bad // the 30th of February
	}
	return t.UTC(), nil
}

// logQuery reads what a log can be asked for; limit is -1 where there is none.
func readLogQuery(r *http.Request) (q control.LogQuery, limit int, err error) {
	f := queryForm(r.URL.Query())
	order := f.choice("order", "started_at", "started_at", "ended_at", "status", "attempts", "max_attempts")
	q.Descending = f.choice("direction", "desc", "asc", "desc") == "desc"
	limit = f.natural("limit")
	q.Window.Start = max(f.natural("offset"), 0)
	q.Since = f.moment("from_date")
	switch order {
	case "ended_at":
		q.Order = control.ByEnd
	case "status":
		q.Order = control.ByStatus
	case "attempts":
		q.Order = control.ByNumber
	}
	return q, limit, f.err()
}
