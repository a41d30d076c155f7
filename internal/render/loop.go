package render

import (
	"fmt"

	"github.com/switchhook/switchhook/internal/render/py"
)

type forStmt struct {
	target      target
	over        expr
	test        expr // nil when there is none
	recursive   bool
	body, other []stmt
}

func (s *forStmt) exec(f *frame) error {
	over, err := f.eval(s.over)
	if err != nil {
		return err
	}
	return s.loop(f, over, 0)
}

// loop goes through over. depth says in how many loops of its own it stands.
func (s *forStmt) loop(f *frame, over py.Value, depth int) error {
	it, err := py.Iterate(over)
	if err != nil {
		return err
	}
	if s.test != nil {
		it = s.filtered(f, it)
		over = it
	}
	l := &loop{stmt: s, f: f, over: over, it: it, depth: depth}
	for {
		item, err := l.advance(f.th)
		if err != nil {
			return err
		}
		if item == nil {
			break
		}
		inner := f.inside()
		inner.scope.set("loop", l)
		if err := s.target.assign(inner, item); err != nil {
			return err
		}
		if err := inner.exec(s.body); err != nil {
			return err
		}
	}
	if l.index == 0 {
		return f.inside().exec(s.other)
	}
	return nil
}

// filtered leaves out what the loop's condition does not want.
func (s *forStmt) filtered(f *frame, it *py.Iterator) *py.Iterator {
	return it.Where(func(_ *py.Thread, item py.Value) (bool, error) {
		inner := f.inside()
		if err := s.target.assign(inner, item); err != nil {
			return false, err
		}
		return inner.truth(s.test)
	})
}

// loop is the value of that name in a loop.
type loop struct {
	stmt  *forStmt
	f     *frame
	over  py.Value
	it    *py.Iterator
	depth int

	index           int // of the item at hand, from 1
	before, current py.Value
	after           py.Value // read ahead; nil when it was not, or there is none
	length          int      // -1 until it is known
	measured        bool
	seen            []py.Value // arguments of the last changed()
}

// advance goes on to the next item, nil at the end.
func (l *loop) advance(th *py.Thread) (py.Value, error) {
	next, err := l.peek(th)
	if err != nil || next == nil {
		return nil, err
	}
	l.before, l.current, l.after = l.current, next, nil
	l.index++
	return next, nil
}

// peek is the item behind the one at hand, nil when there is none.
func (l *loop) peek(th *py.Thread) (py.Value, error) {
	if l.after == nil {
		var err error
		if l.after, err = l.it.Next(th); err != nil {
			return nil, err
		}
	}
	return l.after, nil
}

// len is the number of items; what cannot say is read to its end.
func (l *loop) len(th *py.Thread) (int, error) {
	if l.measured {
		return l.length, nil
	}
	if n, err := py.Len(th, l.over); err == nil {
		l.length, l.measured = n, true
		return n, nil
	}
	rest, err := py.Collect(th, l.it)
	if err != nil {
		return 0, err
	}
	l.length, l.measured = l.index+len(rest), true
	if l.after != nil {
		l.length++
	}
	l.it = py.Items("list_iterator", rest)
	return l.length, nil
}

// TypeName implements py.Value.
func (*loop) TypeName() string { return "LoopContext" }

// Show implements py.Shown.
func (l *loop) Show(th *py.Thread) (string, error) {
	n, err := l.len(th)
	return fmt.Sprintf("<LoopContext %d/%d>", l.index, n), err
}

// Attr implements py.Attributed.
func (l *loop) Attr(th *py.Thread, name string) (py.Value, error) {
	switch name {
	case "index":
		return py.NewInt(l.index), nil
	case "index0":
		return py.NewInt(l.index - 1), nil
	case "first":
		return py.Bool(l.index == 1), nil
	case "depth":
		return py.NewInt(l.depth + 1), nil
	case "depth0":
		return py.NewInt(l.depth), nil
	case "length", "revindex", "revindex0":
		n, err := l.len(th)
		switch name {
		case "revindex":
			n -= l.index - 1
		case "revindex0":
			n -= l.index
		}
		return py.NewInt(n), err
	case "last":
		next, err := l.peek(th)
		return py.Bool(next == nil), err
	case "previtem":
		return orUndefined(l.before, "there is no previous item"), nil
	case "nextitem":
		next, err := l.peek(th)
		return orUndefined(next, "there is no next item"), err
	case "cycle":
		return &py.Func{Name: "cycle", Fn: l.cycle}, nil
	case "changed":
		return &py.Func{Name: "changed", Fn: l.changed}, nil
	}
	return nil, nil
}

func orUndefined(v py.Value, why string) py.Value {
	if v == nil {
		return &py.Undefined{Class: py.UndefinedError, Message: why}
	}
	return v
}

func (l *loop) cycle(_ *py.Thread, args py.Args) (py.Value, error) {
	if len(args.Pos) == 0 {
		return nil, py.Raise(py.TypeError, "no items for cycling given")
	}
	return args.Pos[(l.index-1)%len(args.Pos)], nil
}

func (l *loop) changed(th *py.Thread, args py.Args) (py.Value, error) {
	if l.seen != nil {
		same, err := py.Equal(th, py.NewTuple(l.seen...), py.NewTuple(args.Pos...))
		if err != nil || same {
			return py.Bool(false), err
		}
	}
	l.seen = append([]py.Value{}, args.Pos...)
	return py.Bool(true), nil
}

// Call implements py.Callable: a recursive loop goes through what it is called with.
func (l *loop) Call(_ *py.Thread, args py.Args) (py.Value, error) {
	if !l.stmt.recursive {
		return nil, py.Raise(py.TypeError, "the loop must have the 'recursive' marker to be called recursively")
	}
	bound, err := args.Bind("loop", "iterable")
	if err != nil {
		return nil, err
	}
	inner := *l.f
	inner.out = &sink{max: l.f.out.max}
	err = l.stmt.loop(&inner, bound[0], l.depth+1)
	return captured(inner.out.b.String(), l.f.run.escape), err
}
