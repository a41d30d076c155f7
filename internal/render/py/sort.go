package py

import "slices"

// Sort returns the items in the order of their keys, equal ones as they came; the
// items themselves stay as they are.
func Sort(th *Thread, items []Value, key func(Value) (Value, error), reverse bool) ([]Value, error) {
	if err := th.AllocItems(3 * len(items)); err != nil {
		return nil, err
	}
	type keyed struct{ key, item Value }
	all := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		all[i] = keyed{k, item}
	}
	var failed error
	slices.SortStableFunc(all, func(a, b keyed) int {
		if failed != nil {
			return 0
		}
		if reverse {
			a, b = b, a
		}
		less, err := Ordered(th, Less, a.key, b.key)
		if err == nil && !less {
			var more bool
			if more, err = Ordered(th, Less, b.key, a.key); more {
				return 1
			}
		}
		failed = err
		if less {
			return -1
		}
		return 0
	})
	if failed != nil {
		return nil, failed
	}
	out := make([]Value, len(all))
	for i := range all {
		out[i] = all[i].item
	}
	return out, nil
}
