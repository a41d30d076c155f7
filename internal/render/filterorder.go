package render

import (
	"strings"

	"github.com/switchhook/switchhook/internal/render/py"
)

// orderFilter returns the filters that compare what is in a sequence.
func orderFilter(name string) filter {
	switch name {
	case "sort":
		return filterWith(filterSort, "reverse?", "case_sensitive?", "attribute?")
	case "dictsort":
		return filterWith(filterDictSort, "case_sensitive?", "by?", "reverse?")
	case "groupby":
		return filterWith(filterGroupBy, "attribute", "default?", "case_sensitive?")
	case "unique":
		return filterWith(filterUnique, "case_sensitive?", "attribute?")
	case "min":
		return filterWith(extreme(py.Less), "case_sensitive?", "attribute?")
	case "max":
		return filterWith(extreme(py.Greater), "case_sensitive?", "attribute?")
	}
	return nil
}

// filterSort sorts by one or several attributes.
func filterSort(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	fold := !py.TruthOr(args[1], false)
	getters := []getter{newGetter(args[2], fold)}
	if path, ok := py.Text(orNone(args[2])); ok {
		getters = nil
		for _, attribute := range strings.Split(path, ",") {
			getters = append(getters, newGetter(py.Str(attribute), fold))
		}
	}
	items, err := py.Collect(f.th, v)
	if err != nil {
		return nil, err
	}
	sorted, err := py.Sort(f.th, items, func(item py.Value) (py.Value, error) {
		keys := make([]py.Value, len(getters))
		for i, g := range getters {
			var err error
			if keys[i], err = g.get(f, item); err != nil {
				return nil, err
			}
		}
		return py.NewList(keys...), nil
	}, py.TruthOr(args[0], false))
	return py.NewList(sorted...), err
}

func filterDictSort(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	by, err := py.TextOr(args[1], "key")
	if err != nil {
		return nil, err
	}
	part := map[string]int{"key": 0, "value": 1}
	at, ok := part[by]
	if !ok {
		return nil, py.Raise(py.ValueError, "You can only sort by either \"key\" or \"value\"")
	}
	entries, err := f.entries(v)
	if err != nil {
		return nil, err
	}
	pairs := make([]py.Value, len(entries))
	for i, e := range entries {
		pairs[i] = py.NewTuple(e[0], e[1])
	}
	g := getter{fold: !py.TruthOr(args[0], false)}
	sorted, err := py.Sort(f.th, pairs, func(pair py.Value) (py.Value, error) {
		return g.get(f, pair.(*py.Tuple).Items[at])
	}, py.TruthOr(args[2], false))
	return py.NewList(sorted...), err
}

// filterGroupBy makes (key, items) pairs of items that have something in common.
func filterGroupBy(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	g := newGetter(args[0], !py.TruthOr(args[2], false))
	if !isNone(args[1]) {
		g.absent = args[1]
	}
	items, err := py.Collect(f.th, v)
	if err != nil {
		return nil, err
	}
	key := func(item py.Value) (py.Value, error) { return g.get(f, item) }
	if items, err = py.Sort(f.th, items, key, false); err != nil {
		return nil, err
	}
	groups := py.NewList()
	var last py.Value
	for _, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		same := false
		if last != nil {
			if same, err = py.Equal(f.th, last, k); err != nil {
				return nil, err
			}
		}
		last = k
		if same {
			members := groups.Items[len(groups.Items)-1].(*py.Tuple).Items[1].(*py.List)
			members.Items = append(members.Items, item)
			continue
		}
		shown := getter{parts: g.parts, absent: g.absent}
		if k, err = shown.get(f, item); err != nil {
			return nil, err
		}
		groups.Items = append(groups.Items, &py.Tuple{Items: []py.Value{k, py.NewList(item)}, Names: []string{"grouper", "list"}})
	}
	return groups, f.th.AllocItems(8 * len(groups.Items))
}

// filterUnique leaves out what came before.
func filterUnique(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	g := newGetter(args[1], !py.TruthOr(args[0], false))
	it, err := py.Iterate(v)
	if err != nil {
		return nil, err
	}
	seen := py.NewDict()
	return it.Where(func(th *py.Thread, item py.Value) (bool, error) {
		key, err := g.get(f, item)
		if err != nil {
			return false, err
		}
		before, err := seen.GetItem(th, key)
		if err != nil || before != nil {
			return false, err
		}
		return true, seen.SetItem(th, key, py.None{})
	}), nil
}

// extreme is the first item that no other one surpasses.
func extreme(than py.Order) func(f *frame, v py.Value, args []py.Value) (py.Value, error) {
	return func(f *frame, v py.Value, args []py.Value) (py.Value, error) {
		g := newGetter(args[1], !py.TruthOr(args[0], false))
		items, err := py.Collect(f.th, v)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return undefined("No aggregated item, sequence was empty."), nil
		}
		var best, bestKey py.Value
		for _, item := range items {
			key, err := g.get(f, item)
			if err != nil {
				return nil, err
			}
			surpasses := best == nil
			if !surpasses {
				if surpasses, err = py.Ordered(f.th, than, key, bestKey); err != nil {
					return nil, err
				}
			}
			if surpasses {
				best, bestKey = item, key
			}
		}
		return best, nil
	}
}
