package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/internal/cli/client"
)

type tailVerb struct {
	remote
	App      string        `arg:"" help:"Id or uid of the app."`
	Endpoint []string      `help:"At these endpoints alone: id or uid; repeatable."`
	Failed   bool          `help:"Failed attempts alone."`
	Every    time.Duration `default:"1s" help:"How often to look."`
}

// overlap is how far back each look reaches, because attempts become visible out
// of order.
const overlap = 30 * time.Second

// follower prints attempts that it has not printed before.
type follower struct {
	v         *tailVerb
	s         *session
	c         *client.Client
	start     time.Time
	endpoints []string
	crowded   bool // there are more endpoints than are followed, which was said
	seen      map[string]time.Time
}

// Run prints attempts until Ctrl-C.
func (v *tailVerb) Run(s *session) error {
	c, err := v.connect()
	if err != nil {
		return err
	}
	f := &follower{v: v, s: s, c: c, start: time.Now(), endpoints: v.Endpoint, seen: map[string]time.Time{}}
	tick := time.NewTicker(max(v.Every, 100*time.Millisecond))
	defer tick.Stop()
	for {
		if len(v.Endpoint) == 0 {
			if err := f.findEndpoints(); err != nil {
				return ended(s.ctx, err)
			}
		}
		if err := f.look(); err != nil {
			return ended(s.ctx, err)
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ended turns the error of a call that Ctrl-C cut short into none.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (f *follower) findEndpoints() error {
	const most = 250 // one page
	a, err := f.c.Endpoints(f.v.App).List(f.s.ctx, client.Page{Limit: most})
	if err != nil {
		return err
	}
	if !a.Value.Done && !f.crowded {
		f.crowded = true
		fmt.Fprintf(f.s.err, "The app has more than %d endpoints; the newest are followed. Choose with --endpoint.\n", most)
	}
	f.endpoints = f.endpoints[:0]
	for _, e := range a.Value.Data {
		f.endpoints = append(f.endpoints, e.ID)
	}
	return nil
}

// look asks each endpoint for its newest attempts and prints the new ones, oldest
// first.
func (f *follower) look() error {
	from := time.Now().Add(-overlap)
	if from.Before(f.start) {
		from = f.start
	}
	q := url.Values{"after": {from.UTC().Format(time.RFC3339Nano)}}
	if f.v.Failed {
		q.Set("status", "2")
	}
	var fresh []client.Attempt
	for _, e := range f.endpoints {
		a, err := f.c.EndpointAttempts(f.v.App, e).List(f.s.ctx, client.Page{Limit: 250, Filter: q})
		if client.IsNotFound(err) && len(f.v.Endpoint) == 0 {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		for _, t := range a.Value.Data {
			if _, old := f.seen[t.ID]; !old {
				f.seen[t.ID] = t.Timestamp
				fresh = append(fresh, t)
			}
		}
	}
	slices.SortFunc(fresh, func(a, b client.Attempt) int { return a.Timestamp.Compare(b.Timestamp) })
	for _, t := range fresh {
		if err := f.print(t); err != nil {
			return err
		}
	}
	for id, at := range f.seen {
		if at.Before(from.Add(-overlap)) {
			delete(f.seen, id)
		}
	}
	return nil
}

func (f *follower) print(t client.Attempt) error {
	if f.v.JSON {
		return printLine(f.s.out, t)
	}
	code := "---"
	if t.ResponseStatusCode > 0 {
		code = strconv.Itoa(t.ResponseStatusCode)
	}
	detail := ""
	if t.ResponseStatusCode == 0 {
		detail = "  " + printable(t.Detail)
	}
	_, err := fmt.Fprintf(f.s.out, "%s  %-9s  %s  %5d ms  %s  %s%s\n",
		t.Timestamp.Local().Format("15:04:05.000"), t.Outcome, code, t.ResponseDurationMs, t.MsgID, printable(t.URL), detail)
	return err
}
