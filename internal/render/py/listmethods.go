package py

// sequenceMethod returns the methods that a tuple, a list and a range have.
func sequenceMethod(name string) *method {
	switch name {
	case "count":
		return &method{params: []string{"value"}, call: countItem}
	case "index":
		return &method{params: []string{"value", "start?", "stop?"}, call: indexOfItem}
	}
	return nil
}

// listMethod returns the method of list of that name, nil when there is none.
func listMethod(name string) *method {
	onList := func(call func(th *Thread, l *List, args []Value) (Value, error), params ...string) *method {
		return &method{params: params, call: func(th *Thread, self Value, args []Value) (Value, error) {
			l := self.(*List)
			if err := th.Step(len(l.Items)/16 + 1); err != nil {
				return nil, err
			}
			return call(th, l, args)
		}}
	}
	switch name {
	case "append":
		return onList(listAppend, "object")
	case "clear":
		return onList(func(_ *Thread, l *List, _ []Value) (Value, error) {
			l.Items = nil
			return None{}, nil
		})
	case "copy":
		return onList(func(th *Thread, l *List, _ []Value) (Value, error) {
			items, err := joinItems(th, l.Items, nil)
			return NewList(items...), err
		})
	case "extend":
		return onList(listExtend, "iterable")
	case "insert":
		return onList(listInsert, "index", "object")
	case "pop":
		return onList(listPop, "index?")
	case "remove":
		return onList(listRemove, "value")
	case "reverse":
		return onList(func(_ *Thread, l *List, _ []Value) (Value, error) {
			for i, j := 0, len(l.Items)-1; i < j; i, j = i+1, j-1 {
				l.Items[i], l.Items[j] = l.Items[j], l.Items[i]
			}
			return None{}, nil
		})
	case "sort":
		return onList(listSort, "key?", "reverse?")
	}
	return sequenceMethod(name)
}

func countItem(th *Thread, self Value, args []Value) (Value, error) {
	items, err := Collect(th, self)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, item := range items {
		ok, err := same(th, item, args[0])
		if err != nil {
			return nil, err
		}
		if ok {
			n++
		}
	}
	return NewInt(n), nil
}

func indexOfItem(th *Thread, self Value, args []Value) (Value, error) {
	items, err := Collect(th, self)
	if err != nil {
		return nil, err
	}
	sp, err := Slice{Start: args[1], Stop: args[2]}.indices(len(items))
	if err != nil {
		return nil, err
	}
	for i := sp.start; i < sp.stop; i++ {
		ok, err := same(th, items[i], args[0])
		if err != nil {
			return nil, err
		}
		if ok {
			return NewInt(i), nil
		}
	}
	return nil, Raise(ValueError, "the value is not in the %s", self.TypeName())
}

func listAppend(th *Thread, l *List, args []Value) (Value, error) {
	l.Items = append(l.Items, args[0])
	return None{}, th.AllocItems(1)
}

func listExtend(th *Thread, l *List, args []Value) (Value, error) {
	items, err := Collect(th, args[0])
	if err != nil {
		return nil, err
	}
	l.Items = append(l.Items, items...)
	return None{}, nil
}

func listInsert(th *Thread, l *List, args []Value) (Value, error) {
	i, err := clampedIndex(args[0], 0, 0, len(l.Items), len(l.Items))
	if err != nil {
		return nil, err
	}
	l.Items = append(l.Items, nil)
	copy(l.Items[i+1:], l.Items[i:])
	l.Items[i] = args[1]
	return None{}, th.AllocItems(1)
}

func listPop(_ *Thread, l *List, args []Value) (Value, error) {
	i, err := IntOr(args[0], -1)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, Raise(IndexError, "pop from empty list")
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		return nil, Raise(IndexError, "pop index out of range")
	}
	v := l.Items[i]
	l.Items = append(l.Items[:i], l.Items[i+1:]...)
	return v, nil
}

func listRemove(th *Thread, l *List, args []Value) (Value, error) {
	for i := 0; i < len(l.Items); i++ {
		ok, err := same(th, l.Items[i], args[0])
		if err != nil {
			return nil, err
		}
		if ok {
			l.Items = append(l.Items[:i], l.Items[i+1:]...)
			return None{}, nil
		}
	}
	return nil, Raise(ValueError, "list.remove(x): x not in list")
}

func listSort(th *Thread, l *List, args []Value) (Value, error) {
	key := func(v Value) (Value, error) { return v, nil }
	if !isAbsent(args[0]) {
		key = func(v Value) (Value, error) { return Call(th, args[0], Args{Pos: []Value{v}}) }
	}
	sorted, err := Sort(th, l.Items, key, TruthOr(args[1], false))
	if err == nil {
		l.Items = sorted
	}
	return None{}, err
}
