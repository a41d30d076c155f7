package storetest

import (
	"slices"

	"github.com/switchhook/switchhook/internal/id"
	"github.com/switchhook/switchhook/internal/webhook"
)

// listing is a verb that lists, with the question it asks filled in.
type listing[T any] func(webhook.Page) (webhook.Slice[T], error)

// pages wants list to hold exactly the rows with these ids, which are ascending,
// and to show them in both orders, in pages of every size, walked in both
// directions, with no gap and no overlap.
func pages[T any](w *world, ascending []id.ID, key func(T) id.ID, list listing[T]) {
	w.Helper()
	n := len(ascending)
	for _, up := range []bool{true, false} {
		want := slices.Clone(ascending)
		if !up {
			slices.Reverse(want)
		}
		for _, limit := range []int{1, 2, 3, n, n + 1} {
			if limit == 0 {
				continue
			}
			w.same(walk(w, key, list, webhook.Page{Limit: limit, Ascending: up}), want)
			if n == 0 {
				continue
			}
			// Backward from the last row come all those before it.
			p := webhook.Page{Limit: limit, Ascending: up, Backward: true, After: want[n-1]}
			w.same(walk(w, key, list, p), want[:n-1])
		}
		if n < 3 {
			continue
		}
		// A page starts behind an id, whether there is a row with it or not.
		gap := behind(want[1], up)
		got := must(list(webhook.Page{Limit: n, Ascending: up, After: gap}))(w)
		w.same(keys(got, key), want[2:])
		got = must(list(webhook.Page{Limit: n, Ascending: up, Backward: true, After: gap}))(w)
		w.same(keys(got, key), want[:2])
	}
}

// walk reads page after page and returns all of it in the list's order.
func walk[T any](w *world, key func(T) id.ID, list listing[T], p webhook.Page) (all []id.ID) {
	w.Helper()
	for {
		s := must(list(p))(w)
		got := keys(s, key)
		if len(got) > p.Limit {
			w.Fatalf("%d rows, limit was %d", len(got), p.Limit)
		}
		if !s.Done && len(got) < p.Limit {
			w.Fatalf("%d rows of %d, but more are said to follow", len(got), p.Limit)
		}
		if len(got) == 0 && len(all) > 0 {
			w.Fatal("the last row came without saying that nothing follows")
		}
		if p.Backward {
			all = append(got, all...)
		} else {
			all = append(all, got...)
		}
		if s.Done {
			return all
		}
		if p.Backward {
			p.After = got[0]
		} else {
			p.After = got[len(got)-1]
		}
		if len(all) > 10_000 {
			w.Fatal("the list does not end")
		}
	}
}

func keys[T any](s webhook.Slice[T], key func(T) id.ID) (all []id.ID) {
	for _, item := range s.Items {
		all = append(all, key(item))
	}
	return all
}

// behind returns an id that is next to v in the list's order.
func behind(v id.ID, up bool) id.ID {
	for i := len(v) - 1; i >= 0; i-- {
		if up {
			v[i]++
			if v[i] != 0 {
				return v
			}
			continue
		}
		v[i]--
		if v[i] != 0xff {
			return v
		}
	}
	return v
}
