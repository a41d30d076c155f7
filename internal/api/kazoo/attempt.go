package kazoo

import (
	"cmp"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/api/kazoo/hook"
	"github.com/switchhook/switchhook/internal/control"
	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// attemptWindow is how far apart the ends of a list of attempts may be.
const attemptWindow = 31*24*time.Hour + time.Hour

// listAttempts lists the attempts of a hook, or of all hooks of the account.
func (c *call) listAttempts() (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	from, to, err := c.attemptRange()
	if err != nil {
		return nil, err
	}
	q := control.AttemptQuery{
		AccountID: c.account.ID, EndpointUID: c.params["hook"], Bodies: true,
		After: from, Before: to.Add(time.Second), // both ends are meant
		Page: webhook.Page{Ascending: p.ascending},
	}
	if name, ofHook := c.params["hook"]; ofHook && !isName(name) {
		return p.paged(nil, true, c.account.ID.Hex()), nil
	}
	if !c.api.LogSuccessful {
		q.Outcome = control.NotDelivered
	}
	if q.Page.After, err = id.Parse(p.start); err != nil {
		q.Page.After = id.ID{}
	}
	return c.attemptPage(p, q)
}

// attemptRange reads the window that is asked for. Its ends are Gregorian seconds.
func (c *call) attemptRange() (from, to time.Time, err error) {
	to = c.api.Now().Truncate(time.Second)
	if text, ok := c.value("created_to"); ok {
		if to, ok = seconds(text); !ok {
			return from, to, wrongRange(text, "created_to must be in Gregorian seconds")
		}
	}
	from = to.Add(-attemptWindow)
	text, ok := c.value("created_from")
	if !ok {
		return from, to, nil
	}
	if from, ok = seconds(text); !ok {
		return from, to, wrongRange(text, "created_from must be in Gregorian seconds")
	}
	ends := "created_from " + text + " and created_to " + strconv.FormatInt(hook.Gregorian(to), 10)
	switch {
	case from.After(to):
		return from, to, wrongRange(text, ends+": the first must not be after the second")
	case to.Sub(from) > attemptWindow:
		return from, to, wrongRange(text, ends+" are more than "+strconv.Itoa(int(attemptWindow.Seconds()))+" seconds apart")
	}
	return from, to, nil
}

// seconds reads Gregorian seconds that an id can be made of.
func seconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<38 {
		return time.Time{}, false
	}
	return hook.FromGregorian(n), true
}

func wrongRange(cause, sentence string) error {
	return fault("created_from", "date_range", sentence, "cause", cause)
}

// What one request may look at: beyond it the page ends, whether it is full or not, and
// says where the next one begins.
const (
	maxSeen  = 20_000
	maxBytes = 32 << 20 // of what is shown
)

// attemptPage reads attempts until the page is full of those that the filters want.
// Keys of pages are the ids of the attempt before.
func (c *call) attemptPage(p pageIn, q control.AttemptQuery) (*answer, error) {
	f := c.filters("created_from", "created_to")
	q.Page.Limit = min(p.size+1, 100)
	shown, out := []document{}, &pageOut{unbounded: p.all, start: encodeKey(p.start)}
	var last id.ID // of those that were seen
	seen, size := 0, 0
	for done := false; !done; {
		s, err := c.api.Control.Attempts(c.ctx(), q)
		if err != nil {
			return nil, err
		}
		for i := range s.Items {
			t := &s.Items[i]
			d, ok := showAttempt(t)
			wanted := ok && f.wants(&d)
			if full := wanted && len(shown) == p.size && !p.all; full || seen == maxSeen || size > maxBytes {
				out.next, out.unbounded = encodeKey(last.Hex()), false
				s.Done = true
				break
			}
			if seen, last = seen+1, t.ID; !wanted {
				continue
			}
			if out.start == "" {
				out.start = encodeKey(t.ID.Hex())
			}
			shown, size = append(shown, d), size+len(t.Outcome.Extra)+len(t.Outcome.ResponseBody)
		}
		if done = s.Done || len(s.Items) == 0; !done {
			q.Page.After = s.Items[len(s.Items)-1].ID
		}
	}
	out.start = cmp.Or(out.start, encodeKey(c.account.ID.Hex()))
	out.size = len(shown)
	return &answer{data: shown, page: out}, nil
}

// showAttempt spells an attempt. ok is false for those of other services.
func showAttempt(t *webhook.Attempt) (d document, ok bool) {
	shown, ok := hook.Shown(t)
	if !ok {
		return d, false
	}
	d, err := parseDocument(encode(shown))
	return d, err == nil
}
