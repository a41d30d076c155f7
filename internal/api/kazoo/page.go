package kazoo

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// pageIn is the part of a list that is asked for.
type pageIn struct {
	size      int
	all       bool   // the whole list
	ascending bool   // smallest key first instead of greatest
	start     string // key that it begins with; "" is the beginning
	end       string // key that it ends with; "" is the end
}

// defaultPage is the size of a page when none is asked for.
const defaultPage = 50

// maxPage bounds what is read at a time.
const maxPage = 10_000

// page reads what part of a list is asked for.
func (c *call) page() (pageIn, error) {
	p := pageIn{size: defaultPage, all: !c.flag("paginate", true)}
	if text, ok := c.value("page_size"); ok {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return p, faultyRequest("invalid page size")
		case n < 1:
			return p, faultyRequest("page size must be at least 1")
		}
		p.size = min(n, maxPage)
	}
	p.ascending = c.flag("ascending", false) || !c.flag("descending", true)
	p.start, p.end = c.key("start_key"), c.key("end_key")
	return p, nil
}

// key reads an opaque key; one that cannot be decoded is taken as it is.
func (c *call) key(name string) string {
	text, _ := c.value(name)
	if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		if plain, ok := asText(raw); ok {
			return plain
		}
	}
	return text
}

// encodeKey makes a key opaque: as JSON inside of base64, so that an id of a document,
// which may look like base64, is not taken for one.
func encodeKey(key string) string { return base64.RawURLEncoding.EncodeToString(encode(key)) }

// within says whether a key is in the part that is asked for.
func (p *pageIn) within(key string) bool {
	low, high := p.start, p.end
	if !p.ascending {
		low, high = p.end, p.start
	}
	return (low == "" || key >= low) && (high == "" || key <= high)
}

// row is a document in a list, with the key that it is ordered by.
type row struct {
	key  string
	show document // what is answered
	full document // what filters see
}

// paged cuts the part that is asked for out of rows, which are in the list's order.
// Keyed lists say which key they begin with; an empty one says key.
func (p *pageIn) paged(rows []row, keyed bool, key string) *answer {
	shown := []document{}
	out := &pageOut{unbounded: p.all}
	for i := range rows {
		if !p.within(rows[i].key) {
			continue
		}
		if len(shown) == p.size && !p.all {
			out.next = encodeKey(rows[i].key)
			break
		}
		if len(shown) == 0 && keyed {
			out.start = encodeKey(rows[i].key)
		}
		shown = append(shown, rows[i].show)
	}
	if out.start == "" && keyed {
		out.start = encodeKey(cmp.Or(p.start, key))
	}
	out.size = len(shown)
	return &answer{data: shown, page: out}
}

// everything reads a list that the engine gives page by page.
func everything[T any](read func(p webhook.Page) (webhook.Slice[T], error), key func(*T) id.ID) ([]T, error) {
	var all []T
	p := webhook.Page{Limit: 500, Ascending: true}
	for {
		s, err := read(p)
		if err != nil {
			return nil, err
		}
		all = append(all, s.Items...)
		if s.Done || len(s.Items) == 0 {
			return all, nil
		}
		p.After = key(&s.Items[len(s.Items)-1])
	}
}

// listed answers the rows that the request's filters want.
func (c *call) listed(p pageIn, rows []row) *answer {
	f := c.filters()
	var wanted []row
	for _, r := range rows {
		if f.wants(&r.full) {
			wanted = append(wanted, r)
		}
	}
	if p.ascending {
		slices.Reverse(wanted)
	}
	return p.paged(wanted, true, c.account.ID.Hex())
}
