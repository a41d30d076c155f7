package cli

import (
	"fmt"
	"net/url"

	"github.com/switchhook/switchhook/internal/cli/client"
)

// paging are the flags of verbs that list.
type paging struct {
	Limit    int    `default:"50" help:"Rows at most, up to 250."`
	Iterator string `help:"Go on where an earlier list ended."`
	Oldest   bool   `help:"Oldest first."`
}

func (p paging) page(filter url.Values) client.Page {
	return client.Page{Limit: p.Limit, Iterator: p.Iterator, Oldest: p.Oldest, Filter: filter}
}

// view is how a kind of thing is shown: its columns.
type view[T any] struct {
	headings string
	row      func(T) []string
}

// showList prints a page of a list.
func showList[T any](s *session, r *remote, v view[T], res func(*client.Client) client.Resource[T], p client.Page) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	a, err := res(c).List(s.ctx, p)
	if err != nil {
		return err
	}
	if r.JSON {
		return printJSON(s.out, a.Raw)
	}
	var rows [][]string
	for _, item := range a.Value.Data {
		rows = append(rows, v.row(item))
	}
	if err := printTable(s.out, v.headings, rows); err != nil {
		return err
	}
	if !a.Value.Done {
		fmt.Fprintf(s.out, "More: --iterator %s\n", a.Value.Iterator)
	}
	return nil
}

// showOne prints what a call answered.
func showOne[T any](s *session, r *remote, v view[T], do func(*client.Client) (client.Answer[T], error)) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	a, err := do(c)
	if err != nil {
		return err
	}
	if r.JSON {
		return printJSON(s.out, a.Raw)
	}
	return printTable(s.out, v.headings, [][]string{v.row(a.Value)})
}

// tell makes a call that answers nothing and prints what was done.
func tell(s *session, r *remote, done string, do func(*client.Client) error) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	if r.JSON {
		return printValue(s.out, map[string]bool{"ok": true})
	}
	_, err = fmt.Fprintln(s.out, done)
	return err
}

// fields gathers what a verb sends: only what was given.
type fields map[string]any

func give[T any](f fields, name string, v *T) {
	if v != nil {
		f[name] = *v
	}
}

func (f fields) list(name string, v []string) {
	if len(v) > 0 {
		f[name] = v
	}
}

func (f fields) text(name, v string) {
	if v != "" {
		f[name] = v
	}
}

func (f fields) texts(name string, v map[string]string) {
	if len(v) > 0 {
		f[name] = v
	}
}
