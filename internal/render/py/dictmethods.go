package py

// viewOf says what a view of a dict shows.
type viewOf int

const (
	viewKeys viewOf = iota
	viewValues
	viewItems
)

// dictView is what keys(), values() and items() give: it follows the dict.
type dictView struct {
	d    *Dict
	what viewOf
}

// TypeName implements Value.
func (v *dictView) TypeName() string {
	return [...]string{"dict_keys", "dict_values", "dict_items"}[v.what]
}

// Len is the number of entries.
func (v *dictView) Len() int { return v.d.Len() }

// iterate goes through the dict, which must not grow or shrink meanwhile.
func (d *Dict) iterate(what viewOf) *Iterator {
	i, size := 0, d.Len()
	kind := [...]string{"dict_keyiterator", "dict_valueiterator", "dict_itemiterator"}[what]
	return NewIterator(kind, func(*Thread) (Value, error) {
		if d.Len() != size {
			return nil, Raise(RuntimeError, "dictionary changed size during iteration")
		}
		if i >= size {
			return nil, nil
		}
		e := d.entries[i]
		i++
		switch what {
		case viewKeys:
			return e.key, nil
		case viewValues:
			return e.value, nil
		}
		return NewTuple(e.key, e.value), nil
	})
}

// Entries returns an iterator over the (key, value) pairs of d.
func (d *Dict) Entries() *Iterator { return d.iterate(viewItems) }

// dictMethod returns the method of dict of that name, nil when there is none.
func dictMethod(name string) *method {
	view := func(what viewOf) *method {
		return &method{call: func(_ *Thread, self Value, _ []Value) (Value, error) {
			return &dictView{self.(*Dict), what}, nil
		}}
	}
	onDict := func(call func(th *Thread, d *Dict, args []Value) (Value, error), params ...string) *method {
		return &method{params: params, call: func(th *Thread, self Value, args []Value) (Value, error) {
			return call(th, self.(*Dict), args)
		}}
	}
	switch name {
	case "keys":
		return view(viewKeys)
	case "values":
		return view(viewValues)
	case "items":
		return view(viewItems)
	case "get":
		return onDict(dictGet, "key", "default?")
	case "setdefault":
		return onDict(dictSetDefault, "key", "default?")
	case "pop":
		return onDict(dictPop, "key", "default?")
	case "popitem":
		return onDict(dictPopItem)
	case "clear":
		return onDict(func(_ *Thread, d *Dict, _ []Value) (Value, error) {
			d.entries, d.index = nil, nil
			return None{}, nil
		})
	case "copy":
		return onDict(func(th *Thread, d *Dict, _ []Value) (Value, error) { return d.copy(th) })
	case "fromkeys":
		return onDict(dictFromKeys, "iterable", "value?")
	}
	return nil
}

func orNone(v Value) Value {
	if v == nil {
		return None{}
	}
	return v
}

func dictGet(th *Thread, d *Dict, args []Value) (Value, error) {
	v, err := d.GetItem(th, args[0])
	if v == nil && err == nil {
		v = orNone(args[1])
	}
	return v, err
}

func dictSetDefault(th *Thread, d *Dict, args []Value) (Value, error) {
	v, err := d.GetItem(th, args[0])
	if v != nil || err != nil {
		return v, err
	}
	v = orNone(args[1])
	return v, d.SetItem(th, args[0], v)
}

func dictPop(th *Thread, d *Dict, args []Value) (Value, error) {
	v, err := d.deleteItem(th, args[0])
	switch {
	case err != nil || v != nil:
		return v, err
	case args[1] != nil:
		return args[1], nil
	}
	return nil, raiseKey(th, args[0])
}

func dictPopItem(th *Thread, d *Dict, _ []Value) (Value, error) {
	n := d.Len()
	if n == 0 {
		return nil, Raise(KeyError, "'popitem(): dictionary is empty'")
	}
	e := d.entries[n-1]
	d.remove(n - 1)
	return NewTuple(e.key, e.value), th.Step(1)
}

func dictFromKeys(th *Thread, _ *Dict, args []Value) (Value, error) {
	it, err := Iterate(args[0])
	if err != nil {
		return nil, err
	}
	out := NewDict()
	for {
		key, err := it.Next(th)
		if err != nil || key == nil {
			return out, err
		}
		if err := out.SetItem(th, key, orNone(args[1])); err != nil {
			return nil, err
		}
	}
}

// Update is d.update(*args, **keywords), and so what dict() does.
func (d *Dict) Update(th *Thread, args Args) error {
	if len(args.Pos) > 1 {
		return Raise(TypeError, "dict expected at most 1 argument, got %d", len(args.Pos))
	}
	for _, source := range args.Pos {
		if err := d.takeFrom(th, source); err != nil {
			return err
		}
	}
	for _, kw := range args.Kw {
		if err := d.SetItem(th, Str(kw.Name), kw.Value); err != nil {
			return err
		}
	}
	return nil
}

// takeFrom takes in a dict, or pairs.
func (d *Dict) takeFrom(th *Thread, source Value) error {
	if from, ok := source.(*Dict); ok {
		for key, v := range from.All() {
			if err := d.SetItem(th, key, v); err != nil {
				return err
			}
		}
		return nil
	}
	it, err := Iterate(source)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		item, err := it.Next(th)
		if err != nil || item == nil {
			return err
		}
		pair, err := Collect(th, item)
		if err != nil {
			return Raise(TypeError, "cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(pair) != 2 {
			return Raise(ValueError, "dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := d.SetItem(th, pair[0], pair[1]); err != nil {
			return err
		}
	}
}

// bindUpdate is the update method, which takes any keywords.
func bindUpdate(d *Dict) *Func {
	return &Func{Name: "update of dict object", Fn: func(th *Thread, args Args) (Value, error) {
		return None{}, d.Update(th, args)
	}}
}
