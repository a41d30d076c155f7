package native

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/internal/httpx"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// maxLimit is the largest page.
const maxLimit = 250

// query reads the parameters of a request. Those that nobody asks for are ignored.
// The first that is wrong is the error.
type query struct {
	values url.Values
	err    error
}

func (c *call) query() *query {
	if c.r.URL.RawQuery == "" {
		return &query{}
	}
	return &query{values: c.r.URL.Query()}
}

func (q *query) fail(name, msg string) {
	if q.err == nil {
		q.err = invalidQuery(name, msg)
	}
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) flag(name string, otherwise bool) bool {
	s := q.values.Get(name)
	if s == "" {
		return otherwise
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		q.fail(name, "must be true or false")
	}
	return v
}

// number reads a whole number; ok is false when there is none.
func (q *query) number(name string, least, most int) (n int, ok bool) {
	s := q.values.Get(name)
	if s == "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		q.fail(name, "must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		return 0, false
	}
	return n, true
}

// time reads a time; zero is none.
func (q *query) time(name string) time.Time {
	s := q.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	if day, clock, ok := strings.Cut(s, " "); ok && len(day) == len(time.DateOnly) {
		s = day + "T" + clock // RFC 3339 allows a space there
	}
	// A "+" of a zone that was not escaped arrives as a space.
	t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1))
	if err != nil {
		q.fail(name, "must be a time such as 2026-01-31T12:00:00Z")
	}
	return t.UTC()
}

// name reads a name such as a channel's; empty is none.
func (q *query) name(name string) string {
	s := q.values.Get(name)
	if s == "" {
		return ""
	}
	if wrong := wrongName(s); wrong != "" {
		q.fail(name, wrong)
	}
	return s
}

// eventTypes reads event_types as clients spell it: one comma list, repeated, or
// with brackets.
func (q *query) eventTypes() []string {
	var types []string
	for name, values := range q.values {
		if name != "event_types" && !(strings.HasPrefix(name, "event_types[") && strings.HasSuffix(name, "]")) {
			continue
		}
		for _, s := range strings.Split(strings.Join(values, ","), ",") {
			if wrong := wrongName(s); wrong != "" {
				q.fail("event_types", wrong)
				return nil
			}
			types = append(types, s)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// page reads limit, iterator and order. The iterator is an id with the prefix.
func (q *query) page(prefix string, ascending bool) webhook.Page {
	p := webhook.Page{Limit: webhook.DefaultPageLimit, Ascending: ascending}
	if n, ok := q.number("limit", 1, maxLimit); ok {
		p.Limit = n
	}
	switch q.text("order") {
	case "":
	case "ascending":
		p.Ascending = true
	case "descending":
		p.Ascending = false
	default:
		q.fail("order", "must be ascending or descending")
	}
	s := q.text("iterator")
	if s == "" {
		return p
	}
	s, p.Backward = strings.CutPrefix(s, "-")
	var err error
	if p.After, err = id.ParsePrefixed(s, prefix); err != nil {
		q.fail("iterator", "is not an iterator of this list")
	}
	return p
}

// timePage is page for lists that run from new to old and may be bounded in time.
// Someone who asks for what came from a moment on, and nothing else, wants what
// came first, and goes on from there with the previous iterator.
func (q *query) timePage(prefix string) (p webhook.Page, before, after time.Time) {
	p = q.page(prefix, false)
	before, after = q.time("before"), q.time("after")
	if p.After.IsZero() && q.text("order") == "" && before.IsZero() && !after.IsZero() {
		p.After, p.Backward = id.From(after), true
	}
	return p, before, after
}

// list is a page of a list on the wire.
type list[T any] struct {
	Data         []T     `json:"data"`
	Iterator     *string `json:"iterator"`
	PrevIterator *string `json:"prevIterator"`
	Done         bool    `json:"done"`
}

// listOf spells a slice. name gives an item's id as the wire spells it.
func listOf[S, T any](s webhook.Slice[S], name func(*S) string, out func(*S) T) list[T] {
	l := list[T]{Data: make([]T, 0, len(s.Items)), Done: s.Done}
	for i := range s.Items {
		l.Data = append(l.Data, out(&s.Items[i]))
	}
	if n := len(s.Items); n > 0 {
		first, last := "-"+name(&s.Items[0]), name(&s.Items[n-1])
		l.PrevIterator, l.Iterator = &first, &last
	}
	return l
}

// sift reads pages until so many items were kept as p asks for, or no more come.
// It is for conditions that the store does not know.
func sift[T any](p webhook.Page, read func(webhook.Page) (webhook.Slice[T], error), name func(*T) id.ID, keep func(*T) bool) (webhook.Slice[T], error) {
	want := p.Rows()
	var got webhook.Slice[T]
	for {
		s, err := read(p)
		if err != nil {
			return got, err
		}
		kept := slices.DeleteFunc(slices.Clone(s.Items), func(v T) bool { return !keep(&v) })
		if p.Backward {
			got.Items = append(kept, got.Items...)
		} else {
			got.Items = append(got.Items, kept...)
		}
		switch more := len(got.Items) - want; {
		case more > 0 && p.Backward:
			got.Items = got.Items[more:]
			return got, nil
		case more > 0:
			got.Items = got.Items[:want]
			return got, nil
		}
		if got.Done = s.Done || len(s.Items) == 0; got.Done {
			return got, nil
		}
		p.After = name(&s.Items[len(s.Items)-1])
		if p.Backward {
			p.After = name(&s.Items[0])
		}
		p.Limit = maxLimit
	}
}

// json answers with v.
func (c *call) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	httpx.WriteJSON(c.w, status, body)
	return nil
}

// empty answers without a body.
func (c *call) empty(status int) error {
	c.w.WriteHeader(status)
	return nil
}

// upserted answers 201 for what was made and 200 for what was there.
func upserted(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}
