package pywebhooks

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/switchhook/switchhook/internal/control"
)

// How far a listing's window may reach.
const (
	maxStart = 999_999_999_999_999
	maxLimit = 100
)

// page reads which window of a listing is asked for.
func (a *API) page(c *call) error {
	q := c.r.URL.Query()
	start, ok := pythonInt(q.Get("start"), 0, maxStart)
	limit, ok2 := pythonInt(q.Get("limit"), 1, maxLimit)
	if !ok || !ok2 {
		return refuse(http.StatusBadRequest, "Invalid limit or start parameter")
	}
	c.window = control.Window{Start: start, Limit: limit}
	return nil
}

// pythonInt reads a number from least to most that may be written in every way that
// Python's int() takes: blanks around it, a sign, zeros in front, underscores between
// digits.
func pythonInt(s string, least, most int) (n int, ok bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digit := false // before the present place
	for _, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9':
			digit = true
			if n <= most { // beyond it nothing is lost
				n = n*10 + int(c-'0')
			}
		case c == '_' && digit:
			digit = false
		default:
			return 0, false
		}
	}
	if negative {
		n = -n
	}
	return n, digit && n >= least && n <= most
}

// listing answers with the records of a window: nothing at all when there are none, and
// where to go on when the window is full.
func listing[T any](c *call, name string, records []T) (*answer, error) {
	if len(records) == 0 {
		return &answer{status: http.StatusNoContent}, nil
	}
	out := map[string]any{name: records}
	if len(records) == c.window.Limit {
		out["next_start"] = c.window.Start + c.window.Limit
	}
	return &answer{http.StatusOK, out}, nil
}
