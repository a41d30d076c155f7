package py

import (
	"cmp"
	"math"
	"strings"
)

// Order is an operator that compares.
type Order string

// The operators that compare by order.
const (
	Less      Order = "<"
	LessEq    Order = "<="
	Greater   Order = ">"
	GreaterEq Order = ">="
)

// Equal is a == b.
func Equal(th *Thread, a, b Value) (bool, error) {
	if err := th.Enter(); err != nil {
		return false, err
	}
	defer th.Leave()
	if s, ok := Text(a); ok {
		t, ok := Text(b)
		return ok && s == t, th.Scan(len(s))
	}
	switch x := a.(type) {
	case Int, Bool, Float:
		c, ok := compareAsNumbers(a, b)
		return ok && c == 0, nil
	case *List:
		y, ok := b.(*List)
		if !ok || len(x.Items) != len(y.Items) {
			return false, nil
		}
		return equalItems(th, x.Items, y.Items)
	case *Tuple:
		y, ok := b.(*Tuple)
		if !ok || len(x.Items) != len(y.Items) {
			return false, nil
		}
		return equalItems(th, x.Items, y.Items)
	case *Dict:
		y, ok := b.(*Dict)
		if !ok {
			return false, nil
		}
		return x.equal(th, y)
	case *Range:
		y, ok := b.(*Range)
		return ok && x.equal(y), nil
	case *Undefined:
		_, ok := b.(*Undefined)
		return ok, nil
	}
	return Is(a, b), nil
}

// same is what a container means by "this item": the object itself or an equal one.
func same(th *Thread, a, b Value) (bool, error) {
	if _, nan := a.(Float); !nan && Is(a, b) {
		return true, th.Step(1)
	}
	return Equal(th, a, b)
}

func equalItems(th *Thread, a, b []Value) (bool, error) {
	i, err := firstDifference(th, a, b)
	return err == nil && i == len(a) && i == len(b), err
}

// firstDifference is where a and b begin to differ; it may be the end of either.
func firstDifference(th *Thread, a, b []Value) (int, error) {
	for i := range min(len(a), len(b)) {
		if ok, err := same(th, a[i], b[i]); err != nil || !ok {
			return i, err
		}
	}
	return min(len(a), len(b)), nil
}

// compareAsNumbers orders two numbers. ok is false when one is no number, or NaN.
func compareAsNumbers(a, b Value) (c int, ok bool) {
	i, aInt := asInt(a)
	j, bInt := asInt(b)
	f, aFloat := a.(Float)
	g, bFloat := b.(Float)
	if math.IsNaN(float64(f)) || math.IsNaN(float64(g)) {
		return 0, false
	}
	switch {
	case aInt && bInt:
		return i.Cmp(j), true
	case aInt && bFloat:
		return compareNumbers(i, g), true
	case aFloat && bInt:
		return -compareNumbers(j, f), true
	case aFloat && bFloat:
		return cmp.Compare(float64(f), float64(g)), true
	}
	return 0, false
}

// isNumber says whether v is an int, a bool or a float.
func isNumber(v Value) bool {
	switch v.(type) {
	case Int, Bool, Float:
		return true
	}
	return false
}

// Ordered is a op b.
func Ordered(th *Thread, op Order, a, b Value) (bool, error) {
	if err := th.Enter(); err != nil {
		return false, err
	}
	defer th.Leave()
	if s, ok := Text(a); ok {
		if t, ok := Text(b); ok {
			return op.holds(compareText(s, t)), th.Scan(min(len(s), len(t)))
		}
	}
	if isNumber(a) && isNumber(b) {
		c, ok := compareAsNumbers(a, b)
		return ok && op.holds(c), nil
	}
	if x, ok := a.(*List); ok {
		if y, ok := b.(*List); ok {
			return orderedItems(th, op, x.Items, y.Items)
		}
	}
	if x, ok := a.(*Tuple); ok {
		if y, ok := b.(*Tuple); ok {
			return orderedItems(th, op, x.Items, y.Items)
		}
	}
	if x, ok := a.(Bytes); ok {
		if y, ok := b.(Bytes); ok {
			return op.holds(strings.Compare(string(x), string(y))), nil
		}
	}
	if err := undefinedOperand(a, b); err != nil {
		return false, err
	}
	return false, Raise(TypeError, "'%s' not supported between instances of '%s' and '%s'", op, a.TypeName(), b.TypeName())
}

func orderedItems(th *Thread, op Order, a, b []Value) (bool, error) {
	i, err := firstDifference(th, a, b)
	if err != nil {
		return false, err
	}
	if i == len(a) || i == len(b) {
		return op.holds(cmp.Compare(len(a), len(b))), nil
	}
	return Ordered(th, op, a[i], b[i])
}

// holds says whether op accepts the order c.
func (op Order) holds(c int) bool {
	switch op {
	case Less:
		return c < 0
	case LessEq:
		return c <= 0
	case Greater:
		return c > 0
	}
	return c >= 0
}

// Contains is item in v.
func Contains(th *Thread, v, item Value) (bool, error) {
	if s, ok := Text(v); ok {
		t, ok := Text(item)
		if !ok {
			return false, Raise(TypeError, "'in <string>' requires string as left operand, not %s", item.TypeName())
		}
		return strings.Contains(s, t), th.Scan(len(s))
	}
	switch x := v.(type) {
	case *Dict:
		found, err := x.GetItem(th, item)
		return found != nil, err
	case *dictView:
		if x.what == viewKeys {
			found, err := x.d.GetItem(th, item)
			return found != nil, err
		}
	case *Range:
		if i, ok := asInt(item); ok {
			return x.contains(i), nil
		}
	}
	it, err := Iterate(v)
	if err != nil {
		return false, Raise(TypeError, "argument of type '%s' is not iterable", v.TypeName())
	}
	for {
		got, err := it.Next(th)
		if err != nil || got == nil {
			return false, err
		}
		if ok, err := same(th, got, item); err != nil || ok {
			return ok, err
		}
	}
}
