package py

import (
	"cmp"
	"fmt"
)

// Range is a range object.
type Range struct{ start, stop, step, n int }

// RangeOf is range(start, stop, step).
func RangeOf(start, stop, step int) (*Range, error) {
	if step == 0 {
		return nil, Raise(ValueError, "range() arg 3 must not be zero")
	}
	for _, n := range [...]int{start, stop, step} {
		if n < -rangeBound || n > rangeBound {
			return nil, Raise(OverflowError, "the numbers of the range are too big")
		}
	}
	return newRange(start, stop, step), nil
}

func newRange(start, stop, step int) *Range {
	n := 0
	switch {
	case step > 0 && start < stop:
		n = (stop-start-1)/step + 1
	case step < 0 && start > stop:
		n = (start-stop-1)/-step + 1
	}
	return &Range{start, stop, step, n}
}

// TypeName implements Value.
func (*Range) TypeName() string { return "range" }

// Len is the number of numbers.
func (r *Range) Len() int { return r.n }

func (r *Range) at(i int) Value { return NewInt(r.start + i*r.step) }

func (r *Range) iterate() *Iterator {
	i := 0
	return NewIterator("range_iterator", func(*Thread) (Value, error) {
		if i >= r.n {
			return nil, nil
		}
		i++
		return r.at(i - 1), nil
	})
}

func (r *Range) equal(other *Range) bool {
	if r.n != other.n || r.n == 0 {
		return r.n == other.n
	}
	return r.start == other.start && (r.n == 1 || r.step == other.step)
}

func (r *Range) contains(v Int) bool {
	n, ok := v.Small()
	if !ok || r.n == 0 || n < min(r.start, r.stop) || n > max(r.start, r.stop) {
		return false
	}
	i := (n - r.start) / r.step
	return (n-r.start)%r.step == 0 && i >= 0 && i < r.n
}

// rangeBound is how far from zero the numbers of a range may be, so that their sums
// and differences fit.
const rangeBound = 1 << 60

func (r *Range) slice(s span) Value {
	step := r.step * s.step
	if s.step > rangeBound/max(r.step, -r.step) || s.step < -rangeBound/max(r.step, -r.step) {
		step = rangeBound * cmp.Compare(r.step, 0) * cmp.Compare(s.step, 0) // leads out at once
	}
	return newRange(r.start+s.start*r.step, r.start+s.stop*r.step, step)
}

// Show implements Shown.
func (r *Range) Show(*Thread) (string, error) {
	if r.step == 1 {
		return fmt.Sprintf("range(%d, %d)", r.start, r.stop), nil
	}
	return fmt.Sprintf("range(%d, %d, %d)", r.start, r.stop, r.step), nil
}

// attr returns the numbers the range was made of.
func (r *Range) attr(name string) Value {
	switch name {
	case "start":
		return NewInt(r.start)
	case "stop":
		return NewInt(r.stop)
	case "step":
		return NewInt(r.step)
	}
	return nil
}
